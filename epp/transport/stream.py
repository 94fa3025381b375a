"""One HTTP/2 stream carrying one gRPC call: deframing in, flow-controlled sending out."""

import logging
import struct
from typing import TYPE_CHECKING, Final

from epp.transport import headers
from epp.transport.call import Handler, HandlerFactory, Status
from epp.transport.frames import (
    DATA,
    DEFAULT_MAX_FRAME,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    pack_header,
)
from epp.transport.headers import OK_TRAILERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from epp.transport.connection import Connection
    from epp.transport.sender import Sender

log = logging.getLogger("transport")

HANDLER_FAILED: Final = "the handler of the call failed"
PREFIX_BYTES: Final = 5
"""In front of each gRPC message: whether it is compressed, and its size (four bytes)."""

NOTHING: Final = -1

_UNIMPLEMENTED: Final = headers.grpc_trailers(Status.UNIMPLEMENTED, "unknown service or method")
_HEAD: Final = headers.GRPC_HEAD
_HEAD_START: Final = struct.pack(">LB", len(_HEAD) << 8 | HEADERS, END_HEADERS)
# A DATA frame's header (the type DATA and no flags are zeros) and the prefix of a message that is
# not compressed (another zero); the same after the HEADERS that begin an answer.
_pack_message: Final = struct.Struct(">LxLxL").pack
_pack_first: Final = struct.Struct(f">5sL{len(_HEAD)}sLxLxL").pack


class Stream:
    """State of one stream; it is the ``Call`` that the handler holds.

    Attributes:
        id: the HTTP/2 stream id.
        handler: who serves it; None when nobody does: the request is no gRPC call, or is over.
        deliver: takes a whole message; None when it takes more than that to serve DATA: the request
            is over or no gRPC call, declares its length, or a message has arrived in part.
        ungranted: bytes received whose window was not given back; never above the stream's window.
        send_window: bytes we may still send; below 0 after the peer has shrunk its window.
        is_remote_closed: the peer has sent END_STREAM.
        is_local_closed: we have sent END_STREAM or a reset, or will after ``unsent``.
        at_once_bytes: what may be sent in a frame of its own without another look: as much as every
            peer accepts, less than nothing after the end and while something waits for window.
        is_abandoned: the peer resets the call right behind its end: nobody waits for ours.
        has_sent_head: the HEADERS that begin an answer are out.
        expected_bytes: what is left of the declared content-length, -1 when none was declared.
        partial: the beginning of a message (prefix included) that has not arrived in full.
        unsent: DATA payload that waits for window.
        trailers: the header block that follows ``unsent``, or empty for END_STREAM alone.
    """

    __slots__ = (
        "_connection",
        "_sender",
        "at_once_bytes",
        "deliver",
        "expected_bytes",
        "handler",
        "has_sent_head",
        "id",
        "is_abandoned",
        "is_local_closed",
        "is_remote_closed",
        "partial",
        "send_window",
        "trailers",
        "ungranted",
        "unsent",
    )

    def __init__(
        self, connection: "Connection", sender: "Sender", stream_id: int, expected_bytes: int
    ) -> None:
        self._connection = connection
        self._sender = sender
        self.id = stream_id
        self.handler: Handler | None = None
        self.deliver: Callable[[bytes], None] | None = None
        self.ungranted = 0
        self.send_window = sender.stream_window
        self.is_remote_closed = False
        self.is_local_closed = False
        self.is_abandoned = False
        self.at_once_bytes = DEFAULT_MAX_FRAME
        self.has_sent_head = False
        self.expected_bytes = expected_bytes
        self.partial: bytearray | None = None
        self.unsent: bytearray | None = None
        self.trailers = b""

    # -- the handler's side -------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Queue one serialised gRPC message."""
        length = len(message)
        size = length + PREFIX_BYTES
        sender = self._sender
        stream_window = self.send_window - size
        window = sender.window - size
        if stream_window < 0 or window < 0 or size > self.at_once_bytes:
            self._send_slowly(message)
            return
        self.send_window = stream_window
        sender.window = window
        if self.has_sent_head:
            sender.out.extend((_pack_message(size << 8, self.id, length), message))
        else:
            self.has_sent_head = True
            sender.out.extend(
                (_pack_first(_HEAD_START, self.id, _HEAD, size << 8, self.id, length), message)
            )
        if not sender.is_flush_due:
            sender.flush_soon()

    def finish(self, status: int = 0, message: str = "") -> None:
        """End the call after everything queued."""
        if self.is_local_closed:
            self.handler = None  # it knows: an abort that is on its way is no news
            return
        if status or message:
            self.trailers = headers.grpc_trailers(status, message)
        else:
            self.trailers = OK_TRAILERS
        self.close()

    def _send_slowly(self, message: bytes) -> None:
        """Send what needs more than one frame, or has to wait for window; nothing after the end."""
        if self.is_local_closed:
            return
        if not self.has_sent_head:
            self.send_head(_HEAD)
        self._sender.queue(self, b"\0" + len(message).to_bytes(4, "big"), message)
        server = self._connection.server
        if self.unsent is not None and server.buffered_bytes > server.limits.max_buffered_bytes:
            self._connection.overflowed(self)

    # -- the connection's side ----------------------------------------------------------------

    def start(self, factory: HandlerFactory | None, *, is_draining: bool) -> None:
        """Hand a new call to its method's handler."""
        if factory is None:
            self.trailers = _UNIMPLEMENTED
            self.close()
            return
        try:
            handler = factory(self)
        except Exception:
            log.exception(HANDLER_FAILED)
            self.finish(Status.INTERNAL, HANDLER_FAILED)
            return
        if not self.trailers:  # else the factory has finished the call already
            self.handler = handler
            if self.expected_bytes < 0:
                self.deliver = handler.message
            if is_draining:
                self.drain()

    def drain(self) -> None:
        """Tell the handler that the server is about to stop."""
        if self.handler is not None:
            try:
                self.handler.drain()
            except Exception:
                log.exception(HANDLER_FAILED)
                self.fail(Status.INTERNAL, HANDLER_FAILED)

    def half_close(self, handler: Handler) -> None:
        """Tell the handler that the last message has come."""
        try:
            handler.half_closed()
        except Exception:
            log.exception(HANDLER_FAILED)
            self.fail(Status.INTERNAL, HANDLER_FAILED)

    def send_head(self, block: bytes) -> None:
        """Begin the answer."""
        self.has_sent_head = True
        self._sender.out.append(
            pack_header(len(block) << 8 | HEADERS, END_HEADERS, self.id) + block
        )

    def close(self) -> None:
        """Send the end, at once or after what waits for window; no event comes any more."""
        self.is_local_closed = True
        self.at_once_bytes = NOTHING
        self.handler = self.deliver = None
        if self.partial is not None:
            self._drop_partial()
        if self.unsent is None:
            self.send_end()

    def send_end(self) -> None:
        """Send the trailers, or the bare end of the stream when there are none."""
        sender = self._sender
        block = self.trailers
        if self.is_abandoned:
            pass
        elif block:
            if not self.has_sent_head:
                self.has_sent_head = True
                block = _HEAD + block
            sender.out.append(
                pack_header(len(block) << 8 | HEADERS, END_HEADERS | END_STREAM, self.id) + block
            )
        else:
            sender.out.append(pack_header(DATA, END_STREAM, self.id))
        self._connection.ended(self)
        if not sender.is_flush_due:
            sender.flush_soon()

    def receive(self, handler: Handler, payload: bytes) -> None:
        """Take DATA payload in the general case: messages split over frames, or joined in one."""
        server = self._connection.server
        limits = server.limits
        partial = self.partial
        if partial is None:
            partial = self.partial = bytearray()
            self.deliver = None
        partial += payload
        server.buffered_bytes += len(payload)
        while len(partial) >= PREFIX_BYTES:
            size = int.from_bytes(partial[1:PREFIX_BYTES], "big")
            if partial[0]:
                self.fail(Status.UNIMPLEMENTED, "compressed messages are not supported")
                return
            if size > limits.max_message_bytes:
                self.fail(
                    Status.RESOURCE_EXHAUSTED,
                    f"message of {size} bytes is larger than the limit of "
                    f"{limits.max_message_bytes} bytes",
                )
                return
            whole = size + PREFIX_BYTES
            if len(partial) < whole:
                break
            with memoryview(partial) as view:
                message = bytes(view[PREFIX_BYTES:whole])
            del partial[:whole]
            server.buffered_bytes -= whole
            try:
                handler.message(message)
            except Exception:
                log.exception(HANDLER_FAILED)
                self.fail(Status.INTERNAL, HANDLER_FAILED)
            if self.is_local_closed:
                return
        if not partial:
            self.partial = None
            if self.expected_bytes < 0:
                self.deliver = handler.message
        elif server.buffered_bytes > limits.max_buffered_bytes:
            self.fail(Status.RESOURCE_EXHAUSTED, "too much data is buffered already")

    def fail(self, status: Status, message: str) -> None:
        """End the call with a status that is not the handler's doing."""
        handler = self.handler
        self.finish(status, message)
        _tell_aborted(handler)

    def abort(self) -> None:
        """End the call without a word: nothing can be sent any more."""
        handler = self.handler
        self.handler = self.deliver = None
        self.is_local_closed = True
        self.at_once_bytes = NOTHING
        self.discard()
        _tell_aborted(handler)

    def discard(self) -> None:
        """Drop what is buffered in either direction."""
        if self.partial is not None:
            self._drop_partial()
        if self.unsent is not None:
            self._connection.server.buffered_bytes -= len(self.unsent)
            self.unsent = None
            self._sender.forget(self)

    def _drop_partial(self) -> None:
        assert self.partial is not None
        self._connection.server.buffered_bytes -= len(self.partial)
        self.partial = None


def _tell_aborted(handler: Handler | None) -> None:
    if handler is not None:
        try:
            handler.aborted()
        except Exception:
            log.exception(HANDLER_FAILED)
