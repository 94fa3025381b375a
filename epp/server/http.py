"""The HTTP side: probes for everybody, metrics and debug pages for those who may read them."""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from epp.server.health import Health

_NO_AUTH = (
    "reading metrics needs a Kubernetes token review, and this EPP runs without Kubernetes; "
    "start it with --metrics-endpoint-auth=false to open the endpoint\n"
)

Guard = Callable[[web.Request], Awaitable[web.Response | None]]
"""Returns the answer to who may not read a page; None when the page may be read."""


class Page(NamedTuple):
    """Something to read, or to ask.

    Attributes:
        method: ``GET`` or ``POST``.
        path: as aiohttp's router takes it.
        answer: returns the answer to a request that passed the guard.
    """

    method: str
    path: str
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_to_all(request: web.Request) -> None:
    """Let everybody read."""
    del request


async def closed(request: web.Request) -> web.Response:
    """Let nobody read: without Kubernetes there is nobody to ask who may."""
    del request
    return web.Response(status=401, text=_NO_AUTH)


class HttpServer:
    """Serves probes and pages on one port.

    Args:
        health: what ``/readyz`` tells.
        pages: what there is to read.
        guard: asked before each page.
    """

    def __init__(self, health: Health, pages: Sequence[Page], guard: Guard) -> None:
        self._health = health
        self._pages = pages
        self._guard = guard
        self._runner: web.AppRunner | None = None

    async def start(self, host: str | None, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen; in the clear without a context.

        Raises:
            OSError: the address cannot be used.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        for page in self._pages:
            app.router.add_route(page.method, page.path, self._guarded(page))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=tls).start()

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _guarded(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            refusal = await self._guard(request)
            return refusal if refusal is not None else await page.answer(request)

        return answer

    async def _healthz(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        del request
        if self._health.is_ready:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"not ready: {self._health.unmet}\n")
