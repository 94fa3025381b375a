"""The HTTP side: ``/metrics``, ``/healthz`` and ``/readyz``."""

from collections.abc import Callable

from aiohttp import web

from epp.server.health import Health

_NO_AUTH = (
    "reading metrics needs a Kubernetes token review, and this EPP runs without Kubernetes; "
    "start it with --metrics-endpoint-auth=false to open the endpoint\n"
)


class HttpServer:
    """Serves probes and metrics on one port.

    Args:
        health: what ``/readyz`` tells.
        expose: returns the Prometheus text and its content type.
        requires_auth: refuse ``/metrics`` (nobody can be authenticated without Kubernetes).
    """

    def __init__(
        self,
        health: Health,
        expose: Callable[[], tuple[bytes, str]],
        *,
        requires_auth: bool,
    ) -> None:
        self._health = health
        self._expose = expose
        self._requires_auth = requires_auth
        self._runner: web.AppRunner | None = None

    async def start(self, host: str | None, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be used.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Close the listener and its connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        del request
        if self._health.is_ready:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not ready\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        if self._requires_auth:
            return web.Response(status=401, text=_NO_AUTH)
        body, content_type = self._expose()
        return web.Response(body=body, headers={"Content-Type": content_type})
