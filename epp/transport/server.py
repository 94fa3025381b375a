"""Listeners: h2c or TLS, the watch over connections, and the drain."""

import asyncio
import ssl
import time
from collections.abc import Callable

from epp.transport.call import Methods
from epp.transport.connection import Connection
from epp.transport.limits import Limits

_CHECK_SECONDS = 5.0


class GrpcServer:
    """Serves gRPC methods on one address.

    Attributes:
        methods: handlers by path.
        limits: what a peer may ask.
        connections: open now.
        buffered_bytes: bytes of incomplete messages over all connections.
        now: monotonic seconds, renewed every few seconds; good enough for idle times.
    """

    def __init__(
        self,
        methods: Methods,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.methods = methods
        self.limits = limits or Limits()
        self.clock = clock
        self.now = clock()
        self.connections: set[Connection] = set()
        self.buffered_bytes = 0
        self.loop = asyncio.get_running_loop()
        self._listener: asyncio.Server | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def open_streams(self) -> int:
        """Calls open now, over all connections."""
        return sum(len(connection.streams) for connection in self.connections)

    async def start(self, host: str | None, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be used.
        """
        self._listener = await self.loop.create_server(
            lambda: Connection(self),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=self.limits.handshake_seconds if tls else None,
            backlog=1024,
        )
        self._check()

    def turn_away(self) -> None:
        """Ask every peer to open its next calls elsewhere; the listener stays open."""
        for connection in list(self.connections):
            connection.drain()

    async def drain(self, timeout_seconds: float) -> bool:
        """Stop accepting, let every open call end; True when all ended in time."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.drain()
        if self.connections:
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), timeout_seconds)
            except TimeoutError:
                return False
        return True

    async def stop(self) -> None:
        """Close everything now."""
        if self._watch is not None:
            self._watch.cancel()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.close()
        if self._listener is not None:
            await self._listener.wait_closed()

    def connection_ended(self) -> None:
        """A connection says that it is gone."""
        if not self.connections:
            self._idle.set()

    def _check(self) -> None:
        self.now = self.clock()
        for connection in list(self.connections):
            connection.check(self.now)
        self._watch = self.loop.call_later(_CHECK_SECONDS, self._check)
