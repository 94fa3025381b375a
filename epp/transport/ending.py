"""How a connection ends: drained, closed, or cut off because the peer is slow or silent."""

import contextlib
import logging
from typing import TYPE_CHECKING, Final

from epp.transport import frames
from epp.transport.frames import ConnectionFault, Error

if TYPE_CHECKING:
    import asyncio

    from epp.transport.connection import Connection

log = logging.getLogger("transport")

DRAIN_PING: Final = b"draining"
KEEPALIVE_PING: Final = b"keepaliv"


class Ending:
    """The way out of one connection.

    A drain goes in four steps, so that no call is lost (RFC 9113 section 6.8): GOAWAY with the
    highest stream id, which asks the peer to begin no more calls; GOAWAY with the real last id,
    once the answer to a PING shows that every call the peer had begun has reached us; the end of
    our bytes, once all calls are over; and the close, once the peer has closed or had time to.

    Attributes:
        transport: the socket; None before and after the connection.
        is_draining: the peer was asked to begin no more calls.
        is_over: our last byte was written, and nothing is read any more.
        last_served: streams above this id are not served.
        heard_at: when the peer last sent anything.
    """

    __slots__ = (
        "_connection",
        "_is_paused",
        "_paused_at",
        "_pinged_at",
        "_since",
        "heard_at",
        "is_draining",
        "is_over",
        "last_served",
        "transport",
    )

    def __init__(self, connection: "Connection") -> None:
        self.transport: asyncio.Transport | None = None
        self.is_draining = False
        self.is_over = False
        self.last_served = frames.MAX_STREAM_ID
        self.heard_at = connection.server.clock()
        self._connection = connection
        self._is_paused = False
        self._paused_at = self._pinged_at = self.heard_at
        # When the connection began, then when it was over.
        self._since = self.heard_at

    # -- a peer that does not read --------------------------------------------------------------

    def pause(self) -> None:
        """The socket's buffer is full: stop reading, for what we write answers what we read."""
        self._is_paused = True
        self._paused_at = self._connection.server.clock()
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        """The peer reads again."""
        self._is_paused = False
        if self.transport is not None and not self.is_over:
            self.transport.resume_reading()
            self.leave_if_done()

    def check(self, now: float) -> None:
        """Cut off or probe a peer that is slow or silent; called every few seconds."""
        limits = self._connection.server.limits
        if self.is_over:
            if now - self._since > limits.handshake_seconds:
                self.abort()
        elif not self._connection.is_ready:
            if now - self._since > limits.handshake_seconds:
                self.fail(ConnectionFault(Error.SETTINGS_TIMEOUT, "no SETTINGS in time"))
        elif self._is_paused:
            if now - self._paused_at > limits.stalled_seconds:
                self.abort()
        elif now - max(self.heard_at, self._pinged_at) > limits.keepalive_seconds:
            if self._pinged_at > self.heard_at:
                self.abort()
            else:
                self._pinged_at = now
                self._send(frames.frame(frames.PING, 0, 0, KEEPALIVE_PING))

    # -- drain ----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Ask the peer to begin no more calls; those on their way are still served."""
        if self.is_draining or self.is_over or self.transport is None:
            return
        self.is_draining = True
        self._send(
            frames.goaway(frames.MAX_STREAM_ID, Error.NO_ERROR, b"draining")
            + frames.frame(frames.PING, 0, 0, DRAIN_PING)
        )
        server = self._connection.server
        server.loop.call_later(server.limits.goaway_seconds, self.announce_last)
        for stream in list(self._connection.streams.values()):
            stream.drain()

    def announce_last(self) -> None:
        """Name the last stream that is served: a draining peer has begun its last."""
        if self.is_draining and self.last_served == frames.MAX_STREAM_ID:
            self.last_served = self._connection.last_stream_id
            self._send(frames.goaway(self.last_served, Error.NO_ERROR))
            self.leave_if_done()

    def leave_if_done(self) -> None:
        """Leave when the last call that is served is over."""
        if self.last_served != frames.MAX_STREAM_ID and not self._connection.streams:
            self._connection.server.loop.call_soon(self._leave)

    def _leave(self) -> None:
        if self.is_over or self._is_paused or self.transport is None:
            return
        self._write_last()
        if self.transport.can_write_eof():
            with contextlib.suppress(OSError):  # the peer was faster
                self.transport.write_eof()
        server = self._connection.server
        server.loop.call_later(server.limits.linger_seconds, self.close)

    # -- close ----------------------------------------------------------------------------------

    def fail(self, fault: ConnectionFault) -> None:
        """Tell the peer what it did wrong and close."""
        if self.transport is not None:
            log.info("closing %s: %s", self.transport.get_extra_info("peername"), fault)
        last = min(self._connection.last_stream_id, self.last_served)
        self._send(frames.goaway(last, fault.error, str(fault).encode()[:256]))
        self.close()

    def close(self) -> None:
        """Abort the open calls, send what is ready and close; ``check`` cuts off who takes none."""
        self._connection.abort_calls()
        if self.transport is not None:
            self._write_last()
            self.transport.close()

    def abort(self) -> None:
        """Close now, whatever was not sent."""
        if self.transport is not None:
            self.transport.abort()

    def _write_last(self) -> None:
        sender = self._connection.sender
        sender.flush()
        sender.transport = None
        self.is_over = True
        self._connection.ignore_input()
        self._since = self._connection.server.clock()

    def _send(self, frame: bytes) -> None:
        sender = self._connection.sender
        sender.out.append(frame)
        sender.flush_soon()
