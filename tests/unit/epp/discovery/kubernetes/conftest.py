"""An API server that says what a test wants, over real connections."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from epp.discovery.kubernetes import credentials
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.figures import Figures

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Script:
    """What the server answers: the objects, and what watches are sent one after the other."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.version = "1"
        self.kinds: list[str] = []
        """Resources of which objects can be made, in whichever group is asked about."""
        self.watches: list[list[bytes]] = []
        """Lines of each watch to come; when there is none left, a watch stays silent."""
        self.refusals: list[web.Response] = []
        """Answers that come first."""
        self.asked: list[web.Request] = []
        self.tokens: list[str] = []
        self.news = asyncio.Event()
        self.end = asyncio.Event()

    def queries(self) -> list[dict[str, str]]:
        """Return the queries of all lists and watches so far."""
        return [dict(request.query) for request in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.tokens.append(request.headers.get("Authorization", ""))
        self.news.set()
        if self.refusals:
            return self.refusals.pop(0)
        if self.kinds and request.path.count("/") == 3:
            known = [{"name": kind, "verbs": ["create"]} for kind in self.kinds]
            return web.json_response({"resources": known})
        if "watch" in request.query:
            return await self._watch(request)
        metadata = {"resourceVersion": self.version}
        return web.json_response({"metadata": metadata, "items": self.items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        if not self.watches:
            await self.end.wait()
            return response
        for line in self.watches.pop(0):
            await response.write(line + b"\n")
        return response


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode()


@pytest.fixture
def happening() -> Callable[[str, dict[str, Any]], bytes]:
    """Make a line of a watch: ``happening("ADDED", object)``."""
    return event


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where the server listens: nobody else gets its port meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
async def script(door: socket.socket) -> AsyncIterator[Script]:
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, door).start()
    yield script
    script.end.set()
    await runner.cleanup()


@pytest.fixture
def kubeconfig(tmp_path: Path, door: socket.socket) -> Path:
    """Of the scripted server; the token is in the file ``token`` beside it."""
    address = f"http://127.0.0.1:{door.getsockname()[1]}"
    (tmp_path / "token").write_text("first")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[ApiServer]:
    """The scripted server as the EPP sees it."""
    server = ApiServer(lambda: credentials.load(str(kubeconfig)), Figures())
    await server.start()
    yield server
    await server.stop()
