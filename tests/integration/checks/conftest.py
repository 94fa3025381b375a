"""Simulators, and a tiny gateway before them that can be told to do one thing wrong."""

import asyncio
import io
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

from gaiectl.checks.target import Endpoint
from machine.processes import free_port

MODEL = "simulated-model"
LIMIT = 2 * 1024 * 1024
START_SECONDS = 60.0
HEARD_SECONDS, HEARD_LATE_SECONDS = 0.05, 0.3
"""When the tiny gateway goes by an answer, as pickers that go by events of KV caches do; the good
one takes longer than anybody waits without looking."""
PACE = "3ms"
SLOW_PACE = "10ms"
"""For what is told by how long an answer takes: not even a stalled machine makes it short."""
SIMULATOR = (
    *("--model", MODEL, "--inter-token-latency", PACE),
    *("--lora-modules", '{"name": "adapter-a"}'),
)


class Simulators:
    """Three simulators as real processes, on ports that stay theirs."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.endpoints = [
            Endpoint(f"sim-{n}", f"http://127.0.0.1:{port}", f"127.0.0.1:{port}", is_killable=True)
            for n, port in enumerate(free_port() for _ in range(3))
        ]
        for endpoint in self.endpoints:
            self._launch(endpoint.name)
        for endpoint in self.endpoints:
            self._wait(endpoint)

    def kill(self, name: str) -> None:
        process = self._processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def start(self, name: str) -> None:
        self._launch(name)
        self._wait(next(endpoint for endpoint in self.endpoints if endpoint.name == name))

    def pace(self, latency: str) -> None:
        """Let all of them write so fast from now on: the time from one token to the next."""
        for endpoint in self.endpoints:
            change = {"inter-token-latency": latency}
            httpx.post(f"{endpoint.url}/admin/config", json=change, trust_env=False)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _launch(self, name: str) -> None:
        port = next(e.host_port for e in self.endpoints if e.name == name).rpartition(":")[2]
        self._processes[name] = subprocess.Popen(
            [
                *(sys.executable, "-m", "gaiectl.simulator"),
                *("--port", port, "--pod-name", name, *SIMULATOR),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _wait(self, endpoint: Endpoint) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{endpoint.url}/health/ready", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        pytest.fail(f"{endpoint.name} did not become ready")


@dataclass
class TinyGateway:
    """Implements ``gaiectl.checks.target.Target``: a gateway that is right but for one fault.

    Without a fault it does what a good gateway does: it remembers which endpoint knows a prompt or
    runs an adapter, sends all else to the least busy one, and asks the next one as long as no
    answer has begun.
    """

    simulators: Simulators
    client: aiohttp.ClientSession
    fault: str = ""
    gateway_url: str = ""
    metrics_url: str = ""
    metrics_headers: dict[str, str] = field(default_factory=dict)
    metrics_hidden: str = ""
    unkillable: str = ""
    heals_itself: bool = False
    repeats: bool = True
    keeps_request_ids: bool = True
    model: str = MODEL
    plugins: frozenset[str] | None = None
    body_limit_bytes: int | None = LIMIT
    homes: dict[str, str] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    counted: int = 0
    seen: set[str] = field(default_factory=set)
    stored: int = 0
    found: int = 0

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return self.simulators.endpoints

    def kill(self, endpoint: str) -> None:
        self.simulators.kill(endpoint)

    def hold_down(self) -> None: ...

    def start(self, endpoint: str) -> None:
        self.simulators.start(endpoint)

    async def metrics(self, _request: web.Request) -> web.Response:
        if self.fault == "no-metrics":
            return web.Response(status=500)
        labels = f'model_name="{MODEL}",target_model_name="{MODEL}"'
        name = "inference_objective_request_total"
        cached = (
            f"kvcache_index_admissions_total {self.stored}\n"
            f"kvcache_index_lookup_hits_total {self.found}\n"
        )
        return web.Response(
            text=f"# TYPE {name} counter\n{name}{{{labels}}} {self.counted}\n{cached}"
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            return web.Response(status=413, text="" if self.fault == "silent-413" else error.text)
        if self.fault == "small-bodies" and len(body) > 500_000:
            return _refusal(413, "too much for me")
        if self.fault == "own-404" and "no-such" in request.path:
            return _refusal(404, "no route")
        asked: dict[str, Any] = {}
        if request.method == "POST":
            try:
                asked = json.loads(body)
            except ValueError:
                status = 500 if self.fault == "500-for-bad-json" else 400
                return _refusal(status, "cannot parse the JSON body")
            if "model" not in asked:
                return _refusal(400, "the body names no model")
        if self.fault != "uncounted":
            self.counted += 1
        return await self._forward(request, body, asked)

    async def _forward(
        self, request: web.Request, body: bytes, asked: dict[str, Any]
    ) -> web.StreamResponse:
        headers = {"content-type": "application/json"}
        if given := request.headers.get("x-request-id"):
            headers["x-request-id"] = (
                str(uuid.uuid4()) if self.fault == "new-request-ids" else given
            )
        for endpoint in self._candidates(asked):
            name = endpoint.name
            self.busy[name] = self.busy.get(name, 0) + 1
            try:
                async with self.client.request(
                    request.method,
                    endpoint.url + request.path,
                    data=io.BytesIO(body),
                    headers=headers,
                ) as answer:
                    return await self._pass_on(request, answer, asked)
            # Also in the midst of an answer of which nothing has been passed on.
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                if self.fault == "no-retries":
                    return _refusal(503, f"{name} does not answer")
            finally:
                self.busy[name] -= 1
        status = 502 if self.fault == "502-without-endpoints" else 503
        return _refusal(status, "no endpoint is left")

    def _candidates(self, asked: dict[str, Any]) -> list[Endpoint]:
        """The endpoints in the order in which they are asked."""
        chosen = self._ordered(asked)
        key = str(asked.get("prompt", ""))[:1500]
        is_mute = self.fault == "one-mute" and chosen[0] is self.endpoints[0]
        if len(key) == 1500 and self.fault != "deaf" and not is_mute:
            self.found += key in self.seen and self.fault != "other-tokens"
            asyncio.get_running_loop().call_later(self._late, self._hear, key)
        return chosen

    @property
    def _late(self) -> float:
        return HEARD_SECONDS if self.fault else HEARD_LATE_SECONDS

    def _hear(self, key: str) -> None:
        self.stored += 1
        self.seen.add(key)

    def _ordered(self, asked: dict[str, Any]) -> list[Endpoint]:
        pool = list(self.endpoints)
        self.turns += 1
        key = str(asked.get("prompt", ""))[:1500]
        if self.fault == "one-endpoint":
            return pool
        # Of those that are equally busy each in its turn: nobody is left out, not even by chance.
        pool = pool[self.turns % 3 :] + pool[: self.turns % 3]
        if self.fault == "round-robin":
            return pool
        pool.sort(key=lambda endpoint: self.busy.get(endpoint.name, 0))
        if asked.get("model") != MODEL:
            key = "" if self.fault == "forgets-adapters" else str(asked.get("model"))
        elif len(key) < 1500:
            key = ""
        home = self.homes.get(key, pool[0].name) if key else ""
        if key:
            late = self._late if len(key) == 1500 else 0.0
            asyncio.get_running_loop().call_later(late, self.homes.setdefault, key, home)
        return sorted(pool, key=lambda endpoint: endpoint.name != home)

    async def _pass_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, asked: dict[str, Any]
    ) -> web.StreamResponse:
        kept = ("content-type", "x-inference-pod", "x-inference-port")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        if asked.get("stream"):
            return await self._pass_stream_on(request, answer, headers)
        body = await answer.read()
        if request.path == "/v1/models" and self.fault == "lists-another-model":
            body = body.replace(MODEL.encode(), b"another-model")
        if request.path == "/v1/completions" and self.fault == "no-text":
            body = body.replace(b'"text":', b'"words":')
        if request.path == "/v1/chat/completions" and self.fault == "no-chat":
            return _refusal(404, "chat is not served here")
        return web.Response(body=body, status=answer.status, headers=headers)

    async def _pass_stream_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        lines = aiter(answer.content)
        line = await anext(lines, b"")
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        held = b""
        try:
            while line:
                if self.fault == "held-back":
                    held += self._spoilt(line)
                else:
                    await response.write(self._spoilt(line))
                line = await anext(lines, b"")
        except aiohttp.ClientPayloadError:
            # The answer has begun: there is nothing left but to cut it off here too.
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPBadGateway from None
        await response.write(held)
        await response.write_eof()
        return response

    def _spoilt(self, line: bytes) -> bytes:
        if self.fault == "no-usage" and b'"usage"' in line:
            return b": nothing\n"
        if self.fault == "wrong-usage":
            return line.replace(b'"total_tokens":', b'"total_tokens":1')
        if self.fault == "no-end-mark" and b"[DONE]" in line:
            return b": the end\n"
        return line


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": status}}, status=status)


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    running = Simulators()
    yield running
    running.close()


@pytest.fixture
async def tiny_gateway(
    simulators: Simulators,
) -> AsyncIterator[Callable[[str], Awaitable[TinyGateway]]]:
    """A function that starts a tiny gateway with a fault."""
    runners: list[web.AppRunner] = []
    client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def start(fault: str = "") -> TinyGateway:
        gateway = TinyGateway(simulators, client, fault)
        if fault == "held-back":
            simulators.pace(SLOW_PACE)
        limit = 2**30 if fault == "no-limit" else LIMIT
        app = web.Application(client_max_size=limit)
        app.router.add_get("/metrics", gateway.metrics)
        app.router.add_route("*", "/{path:.*}", gateway.handle)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gateway.gateway_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        gateway.metrics_url = f"{gateway.gateway_url}/metrics"
        return gateway

    yield start
    for runner in runners:
        await runner.cleanup()
    await client.close()
    simulators.pace(PACE)
