"""Model servers as far as an EPP and a proxy see them: each with an address of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from hermetic.dialogue import Load

_HOSTS = ("127.0.1.2", "127.0.1.3", "127.0.1.4")
_ATTEMPTS = 100


class Received(NamedTuple):
    """What a model server was asked."""

    address: str
    headers: dict[str, str]
    body: bytes


class ModelServers:
    """As many as a case has pods at most, on one port, in a thread of their own.

    Attributes:
        port: of all of them.
        received: all requests but those for metrics; oldest first.
    """

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self._metrics: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner: web.AppRunner = self._do(self._listen())

    def show(self, loads: Sequence[Load]) -> list[str]:
        """Let the first ones' metrics say this; return their addresses, ``host:port``."""
        assert len(loads) <= len(_HOSTS)
        hosts = _HOSTS[: len(loads)]
        self._metrics = {h: load.exposition for h, load in zip(hosts, loads, strict=True)}
        return [f"{host}:{self.port}" for host in hosts]

    def stop(self) -> None:
        """End all."""
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/metrics", self._tell)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        for _ in range(_ATTEMPTS):
            try:
                for host in _HOSTS:
                    await web.TCPSite(runner, host, self.port).start()
                    self.port = runner.addresses[0][1]
            except OSError:  # free at one address is not free at all
                for site in list(runner.sites):
                    await site.stop()
                self.port = 0
            else:
                return runner
        raise AssertionError("no port is free")

    async def _tell(self, request: web.Request) -> web.Response:
        host, _ = _local(request)
        text = self._metrics.get(host)
        return web.Response(text=text) if text is not None else web.Response(status=404)

    async def _answer(self, request: web.Request) -> web.Response:
        host, port = _local(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(f"{host}:{port}", headers, await request.read()))
        return web.json_response({"choices": []})


def _local(request: web.Request) -> tuple[str, int]:
    assert request.transport is not None
    host, port = request.transport.get_extra_info("sockname")
    return host, port
