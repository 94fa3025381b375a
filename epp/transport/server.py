"""Listeners: h2c or TLS, the watch over connections, and the drain."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable
from typing import Final

from epp.transport.call import Methods
from epp.transport.connection import Connection
from epp.transport.limits import Limits

log = logging.getLogger("transport")

_CHECK_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 1.0


class GrpcServer:
    """Serves gRPC methods on one address.

    Attributes:
        methods: handlers by path.
        limits: what a peer may ask.
        connections: open now.
        buffered_bytes: bytes of incomplete messages and unsent answers, over all connections.
        now: monotonic seconds, renewed every few seconds; good enough for idle times.
        is_draining: no call may begin any more.
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
        self.is_draining = False
        self.loop = asyncio.get_running_loop()
        self._listener: asyncio.Server | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._is_full = False

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

    async def start(
        self,
        host: str | None,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        is_port_shared: bool = False,
    ) -> None:
        """Listen.

        Args:
            host: address; None is all interfaces.
            port: 0 takes a free one.
            tls: None is plaintext.
            is_port_shared: other processes may listen there too (SO_REUSEPORT).

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
            reuse_port=is_port_shared or None,
        )
        self._check()

    def turn_away(self) -> None:
        """Ask every peer to take its next calls elsewhere, but serve whoever comes all the same.

        The calls that are open or on their way are served to their end.
        """
        for connection in list(self.connections):
            connection.ending.drain()

    async def drain(self, timeout_seconds: float) -> bool:
        """Stop accepting, let every open call end; True when all ended in time."""
        self.is_draining = True
        if self._listener is not None:
            self._listener.close()
        self.turn_away()
        return await self._all_gone(timeout_seconds)

    async def stop(self) -> None:
        """Close everything now."""
        if self._watch is not None:
            self._watch.cancel()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.ending.close()
        if not await self._all_gone(_CLOSE_SECONDS):
            for connection in list(self.connections):
                connection.ending.abort()
        if self._listener is not None:
            # A peer may still be in its TLS handshake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._listener.wait_closed()

    def has_room(self) -> bool:
        """Tell whether one more connection is served; say so once when it is not."""
        if len(self.connections) < self.limits.max_connections:
            self._is_full = False
            return True
        if not self._is_full:
            self._is_full = True
            log.warning(
                "%d connections are open, further ones are closed", self.limits.max_connections
            )
        return False

    def connection_ended(self) -> None:
        """A connection says that it is gone."""
        if not self.connections:
            self._idle.set()

    async def _all_gone(self, timeout_seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self.connections:
                    self._idle.clear()
                    await self._idle.wait()
        return not self.connections

    def _check(self) -> None:
        self.now = self.clock()
        for connection in list(self.connections):
            connection.ending.check(self.now)
        self._watch = self.loop.call_later(_CHECK_SECONDS, self._check)
