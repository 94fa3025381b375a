"""The sending half of a connection: one write for many frames, and the peer's windows."""

from typing import TYPE_CHECKING

from epp.transport import frames
from epp.transport.stream import NOTHING, Stream

if TYPE_CHECKING:
    import asyncio

    from epp.transport.server import GrpcServer


class Sender:
    """Collects frames and DATA for one peer.

    Frames go to ``out`` and leave together: at the end of a read, or of the loop's turn. DATA goes
    there as far as the windows of its stream and of the connection allow; the rest waits in
    ``Stream.unsent``.

    Attributes:
        out: frames ready to leave.
        is_flush_due: a flush is sure to come: at the end of the read that is being served, or of
            the loop's turn.
        window: bytes that the connection may still send.
        stream_window: what a new stream may send at first.
        max_frame: largest payload the peer accepts.
    """

    __slots__ = (
        "_high_water",
        "_regrant",
        "_server",
        "_waiting",
        "is_flush_due",
        "max_frame",
        "out",
        "stream_window",
        "transport",
        "window",
    )

    def __init__(self, server: "GrpcServer") -> None:
        self.transport: asyncio.Transport | None = None
        self.out: list[bytes] = []
        self.is_flush_due = False
        self.window = frames.DEFAULT_WINDOW
        self.stream_window = frames.DEFAULT_WINDOW
        self.max_frame = frames.DEFAULT_MAX_FRAME
        self._server = server
        self._high_water = server.limits.unsent_high_water
        self._regrant = server.limits.stream_window >> 1
        # Streams held up by the connection's window alone, in the order of their turns. While
        # there are any, that window is used up.
        self._waiting: dict[int, Stream] = {}

    def flush(self) -> None:
        """Write what is ready."""
        self.is_flush_due = False
        out = self.out
        if out:
            if self.transport is not None:
                self.transport.write(b"".join(out))
            out.clear()

    def flush_soon(self) -> None:
        """Write what is ready at the end of the read or of the loop's turn."""
        if not self.is_flush_due:
            self.is_flush_due = True
            self._server.loop.call_soon(self.flush)

    def queue(self, stream: Stream, *parts: bytes) -> None:
        """Send DATA payload as far as the windows allow, keep the rest."""
        unsent = stream.unsent
        if unsent is None:
            unsent = stream.unsent = bytearray()
            stream.at_once_bytes = NOTHING
        for part in parts:
            unsent += part
            self._server.buffered_bytes += len(part)
        self.pump(stream, len(unsent))

    def pump(self, stream: Stream, at_most: int) -> None:
        """Send what the windows allow of a stream's queue, then its end."""
        unsent = stream.unsent
        assert unsent is not None
        size = min(len(unsent), at_most, stream.send_window, self.window)
        if size > 0:
            self._send(stream.id, unsent, size)
            stream.send_window -= size
            self.window -= size
            self._server.buffered_bytes -= size
        if not unsent:
            stream.unsent = None
            if stream.is_local_closed:
                stream.send_end()
                return
            stream.at_once_bytes = frames.DEFAULT_MAX_FRAME
        elif stream.send_window > 0:
            self._waiting[stream.id] = stream
        if not stream.is_remote_closed and stream.ungranted > self._regrant:
            self.grant(stream)
        self.flush_soon()

    def _send(self, stream_id: int, unsent: bytearray, size: int) -> None:
        out = self.out
        with memoryview(unsent) as view:
            for start in range(0, size, self.max_frame):
                chunk = bytes(view[start : min(start + self.max_frame, size)])
                out.append(frames.pack_header(len(chunk) << 8 | frames.DATA, 0, stream_id))
                out.append(chunk)
        del unsent[:size]

    def pump_waiting(self) -> None:
        """Share a new connection window among the streams that wait for it, a frame each turn."""
        waiting = self._waiting
        while waiting and self.window > 0:
            stream = waiting.pop(next(iter(waiting)))
            self.pump(stream, self.max_frame)

    def change_stream_window(self, size: int, streams: list[Stream]) -> None:
        """Apply a new initial window (section 6.9.2), which moves the window of every stream."""
        change = size - self.stream_window
        self.stream_window = size
        for stream in streams:
            stream.send_window += change
            if stream.send_window > frames.MAX_WINDOW:
                raise frames.ConnectionFault(
                    frames.Error.FLOW_CONTROL_ERROR, "stream window too large"
                )
            self.wake(stream)

    def wake(self, stream: Stream) -> None:
        """Send what a stream's changed window allows."""
        if stream.unsent is not None:
            self.pump(stream, len(stream.unsent))

    def grant(self, stream: Stream) -> None:
        """Let the peer send more, unless it leaves our answers unread."""
        if stream.unsent is not None and len(stream.unsent) > self._high_water:
            return
        self.out.append(frames.window_update(stream.id, stream.ungranted))
        stream.ungranted = 0

    def forget(self, stream: Stream) -> None:
        """Drop a stream's turn."""
        self._waiting.pop(stream.id, None)
