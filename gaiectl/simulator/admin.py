"""Changing a running server: ``/admin/config``, ``/admin/faults``, adapters and sleep mode."""

import asyncio
import os
from dataclasses import fields, replace
from typing import Any

import orjson
from aiohttp import web

from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.fake_metrics import parse_fake_metrics
from gaiectl.simulator.generation import read_object
from gaiectl.simulator.kinds import did_you_mean
from gaiectl.simulator.settings import (
    Failures,
    Latencies,
    Settings,
    flag_name,
    flag_of,
    latency_problems,
    sections,
)
from gaiectl.simulator.state import ModelServer

_KILLED = 137
_LAST_WORDS = 0.05
_FAKE = "fake-metrics"
_CHANGEABLE = {
    **{flag_name(item.name): ("latencies", item) for item in fields(Latencies)},
    **{
        flag_name(item.name): ("failures", item)
        for item in fields(Failures)
        if item.name.startswith("failure_")
    },
}


def answer(value: Any, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def die() -> None:
    """End the process as a kill by the kernel would, shortly, so that an answer still goes out."""
    asyncio.get_running_loop().call_later(_LAST_WORDS, os._exit, _KILLED)


def shown(settings: Settings) -> dict[str, Any]:
    """Return all settings by flag name."""
    found = {}
    for section, of in sections():
        for item in fields(of):
            value = getattr(getattr(settings, section), item.name)
            found[flag_name(item.name)] = value if value is None else flag_of(item).kind.show(value)
    return found


def changed(settings: Settings, patch: dict[str, Any]) -> Settings:
    """Return the settings with a partial update applied, all of it or none.

    Raises:
        ApiError: 400, an unknown field or a value that is out of range.
    """
    updates: dict[str, dict[str, Any]] = {"latencies": {}, "failures": {}}
    fake = settings.metrics.fake_metrics
    for name, value in patch.items():
        if name not in _CHANGEABLE and name != _FAKE:
            guess = did_you_mean(name, [*_CHANGEABLE, _FAKE])
            raise ApiError(400, f"{name}: cannot be changed at run time{guess}", name)
        if value is None:
            continue
        try:
            if name == _FAKE:
                fake = fake.updated(value) if fake else parse_fake_metrics(value)
            else:
                section, item = _CHANGEABLE[name]
                updates[section][item.name] = flag_of(item).kind.parse(value)
        except (ValueError, AttributeError) as error:
            raise ApiError(400, f"{name}: {error}", name) from None
    new = replace(
        settings,
        latencies=replace(settings.latencies, **updates["latencies"]),
        failures=replace(settings.failures, **updates["failures"]),
        metrics=replace(settings.metrics, fake_metrics=fake),
    )
    wrong = latency_problems(new.latencies)
    if wrong:
        raise ApiError(400, "; ".join(wrong))
    return new


class Admin:
    """The handlers."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        """Return all of them by method and path."""
        return [
            web.get("/admin/config", self.config),
            web.post("/admin/config", self.change),
            web.post("/fake_metrics", self.change_fake),
            web.delete("/fake_metrics", self.end_fake),
            web.get("/admin/faults", self.faults),
            web.post("/admin/faults", self.begin_fault),
            web.delete("/admin/faults", self.end_faults),
            web.delete("/admin/faults/{name}", self.end_faults),
            web.post("/v1/load_lora_adapter", self.load_adapter),
            web.post("/v1/unload_lora_adapter", self.unload_adapter),
            web.post("/sleep", self.sleep),
            web.post("/wake_up", self.wake_up),
            web.get("/is_sleeping", self.is_sleeping),
        ]

    async def config(self, request: web.Request) -> web.Response:
        """Show all settings."""
        del request
        return answer(shown(self._server.settings))

    async def change(self, request: web.Request) -> web.Response:
        """Change latencies, failures or told metrics; show all settings."""
        self._server.apply(changed(self._server.settings, await read_object(request)))
        return answer(shown(self._server.settings))

    async def change_fake(self, request: web.Request) -> web.Response:
        """Change told metrics: the older form of ``/admin/config``."""
        patch = {_FAKE: await read_object(request)}
        self._server.apply(changed(self._server.settings, patch))
        return answer(shown(self._server.settings)[_FAKE])

    async def end_fake(self, request: web.Request) -> web.Response:
        """Show the real metrics again."""
        del request
        self._server.tell(None)
        return answer({})

    async def faults(self, request: web.Request) -> web.Response:
        """Show which faults are on, and which there are."""
        del request
        return answer(self._server.faults.report())

    async def begin_fault(self, request: web.Request) -> web.Response:
        """Switch a fault on: ``{"name", "for": seconds or null, "rate": 0 to 100}``."""
        body = await read_object(request)
        for key in body:
            if key not in {"name", "for", "rate"}:
                guess = did_you_mean(key, ["name", "for", "rate"])
                raise ApiError(400, f"unknown field {key!r}{guess}", key)
        name = body.get("name")
        for key in ("for", "rate"):
            if isinstance(body.get(key), bool) or not isinstance(body.get(key), int | float | None):
                raise ApiError(400, f"{key!r}: must be a number or null", key)
        try:
            self._server.faults.switch_on(str(name), seconds=body.get("for"), rate=body.get("rate"))
        except ValueError as error:
            raise ApiError(400, str(error), "name") from None
        # The stale text is the one of this moment, not of the next scrape.
        self._server.metrics_text()
        if name == "exit":
            die()
        return answer(self._server.faults.report())

    async def end_faults(self, request: web.Request) -> web.Response:
        """Switch one fault off, or all."""
        try:
            self._server.faults.switch_off(request.match_info.get("name"))
        except ValueError as error:
            raise ApiError(400, str(error), "name") from None
        return answer(self._server.faults.report())

    async def load_adapter(self, request: web.Request) -> web.Response:
        """Load a LoRA adapter."""
        name = self._server.models.load(await read_object(request))
        self._server.engine.cache.adapter_loaded(name)
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def unload_adapter(self, request: web.Request) -> web.Response:
        """Unload a LoRA adapter."""
        name = self._server.models.unload(await read_object(request))
        self._server.engine.cache.adapter_unloaded(name)
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    async def sleep(self, request: web.Request) -> web.Response:
        """Fall asleep and forget the cache; without the switch for it, do nothing."""
        del request
        sleep = self._server.settings.sleep
        if sleep.enable_sleep_mode and sleep.dev_mode:
            self._server.asleep = True
            self._server.engine.cache.clear()
        return web.Response()

    async def wake_up(self, request: web.Request) -> web.Response:
        """Wake up; with other ``tags`` than ``kv_cache`` only the weights are back."""
        tags = request.query.getall("tags", ["kv_cache"])
        if "kv_cache" in tags:
            self._server.asleep = False
        return web.Response()

    async def is_sleeping(self, request: web.Request) -> web.Response:
        """Say whether the server sleeps."""
        del request
        return answer({"is_sleeping": self._server.asleep})
