"""The ext-proc port: TLS, streams, and how they end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from epp.config.loader import Config
from epp.extproc.settings import StreamSettings
from epp.server import certificates
from epp.server.errors import StartError
from epp.server.extproc import PROCESS, ExtProcCall, Serving
from epp.server.options import Options
from epp.transport.call import Call, Handler, HandlerFactory
from epp.transport.limits import Limits
from epp.transport.server import GrpcServer

log = logging.getLogger("setup")

SHARED_CONNECTION_STREAMS = 128
"""Streams on one connection where several processes share a port. Connections are spread over the
processes, not streams; and a gateway opens another one when no stream is left on those it has."""

_LAME_DUCK_SECONDS = 2.0
_MESSAGE_OVERHEAD = 1024 * 1024


class Front:
    """Serves ext-proc streams.

    Args:
        options: the flags.
        serving: what all streams share.
        methods: further gRPC methods.
        is_shared: other processes listen on the same port.
        serve: makes the handler of a stream.
    """

    def __init__(
        self,
        options: Options,
        serving: Serving,
        methods: Mapping[bytes, HandlerFactory],
        *,
        is_shared: bool = False,
        serve: Callable[[Call, Serving], Handler] = ExtProcCall,
    ) -> None:
        self._serving = serving
        self._options = options
        self._is_shared = is_shared
        largest = options.grpc_max_recv_msg_size or (
            options.max_request_body_bytes + _MESSAGE_OVERHEAD
        )
        limits = Limits(max_message_bytes=largest)
        if is_shared:
            limits = Limits(
                max_message_bytes=largest, max_concurrent_streams=SHARED_CONNECTION_STREAMS
            )
        streams = {PROCESS: lambda call: serve(call, self._serving)}
        self._server = GrpcServer({**streams, **methods}, limits=limits)
        self._certificates = certificates.for_proxy(options)

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._server.port

    @property
    def open_streams(self) -> int:
        """Streams open now."""
        return self._server.open_streams

    def use(self, config: Config, settings: StreamSettings) -> None:
        """Set up streams that are opened from now on in this way, made of this configuration."""
        del config
        self._serving = replace(self._serving, settings=settings)

    async def start(self) -> None:
        """Listen.

        Raises:
            StartError: the port or the certificate cannot be used.
        """
        options = self._options
        context = self._certificates.start() if self._certificates else None
        host = options.bind_address or None
        starting = self._server.start(
            host, options.grpc_port, context, is_port_shared=self._is_shared
        )
        await listen("--grpc-port", starting)

    async def drain(self) -> None:
        """Turn new streams away and let the open ones end.

        Until everybody has noticed that this is not ready any more, requests are served as before:
        a GOAWAY at once would only make peers come back, to connections that end under their
        requests.
        """
        timeout = self._options.drain_timeout
        if self._server.connections:
            await asyncio.sleep(min(_LAME_DUCK_SECONDS, timeout))
        if not await self._server.drain(timeout):
            log.warning(
                "streams were still open after the drain timeout",
                extra={"fields": {"streams": self.open_streams}},
            )

    async def stop(self) -> None:
        """Close the port and its connections."""
        if self._certificates is not None:
            self._certificates.stop()
        await self._server.stop()


async def listen(flag: str, starting: Awaitable[None]) -> None:
    """Wait until a port is open.

    Raises:
        StartError: it cannot be; names the flag.
    """
    try:
        await starting
    except OSError as error:
        raise StartError(f"cannot listen on the port of {flag}: {error}") from error
