"""One HTTP/2 connection (RFC 9113), server side.

An ``asyncio.Protocol``: frames are parsed in place in the bytes of each read, and everything that a
read causes to be sent leaves in one write.

Buffers are bounded in both directions. Inwards: a stream that has more than
``Limits.unsent_high_water`` bytes to send gets no new window, and all incomplete messages and
unsent answers together stay below ``Limits.max_buffered_bytes``. Outwards: while the socket's own
buffer is full we stop reading, and since nearly all we write answers something read, that bounds
it.

Received DATA gives the connection's window back as soon as it is read (half a window at a time),
also when its call is over: only the window of its stream holds a peer back, so that no call can
starve the others.

This is one long module, because the usual frame is served in one function, and the methods that
define what it does for all other frames share its every field.
"""

import asyncio
import logging
import struct
import sys
from typing import TYPE_CHECKING, Final, cast

from hpack import HPACKError

from epp.transport import frames, headers
from epp.transport.call import Status
from epp.transport.control import on_control
from epp.transport.ending import Ending
from epp.transport.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEADER_BYTES,
    HEADERS,
    MAX_STREAM_ID,
    PADDED,
    RST_STREAM,
    ConnectionFault,
    Error,
    unpack_header,
)
from epp.transport.limits import Allowance
from epp.transport.sender import Sender
from epp.transport.stream import HANDLER_FAILED, PREFIX_BYTES, Stream

if TYPE_CHECKING:
    from epp.transport.server import GrpcServer

log = logging.getLogger("transport")

# A DATA frame's header and the gRPC prefix of the message in it: size and type of the frame, its
# flags, its stream, whether the message is compressed, and its size.
_unpack_message: Final = struct.Struct(">LBLBL").unpack_from
_EXTRAS: Final = PADDED | HAS_PRIORITY
_MESSAGE_START: Final = HEADER_BYTES + PREFIX_BYTES
_RESET_SIZE: Final = 4 << 8 | RST_STREAM
_RESET_BYTES: Final = HEADER_BYTES + 4

# Calls that we ended while the peer could still be sending, of which we remember this many: more
# than a busy peer can have on their way.
_REMEMBERED_RESETS: Final = 8192


class Connection(asyncio.Protocol):
    """Serves one peer.

    Attributes:
        server: whose connection it is.
        sender: what goes out.
        ending: how it is left.
        streams: open calls by stream id.
        last_stream_id: the highest that the peer has used.
        is_ready: the peer's SETTINGS have come.
    """

    __slots__ = (
        "_cancellations",
        "_decoder",
        "_has_shrunk_table",
        "_incomplete",
        "_max_header_bytes",
        "_max_streams",
        "_methods",
        "_needs_preface",
        "_reset_by_us",
        "_size_bound",
        "_spare",
        "_split_block",
        "_stream_window",
        "_stream_window_half",
        "_unacknowledged",
        "_ungranted",
        "_usual_bytes",
        "_wanted_bytes",
        "_window",
        "_window_half",
        "ending",
        "is_ready",
        "last_stream_id",
        "sender",
        "server",
        "streams",
    )

    def __init__(self, server: "GrpcServer") -> None:
        limits = server.limits
        self.server = server
        self.sender = Sender(server)
        self.ending = Ending(self)
        self.streams: dict[int, Stream] = {}
        self.last_stream_id = 0
        self.is_ready = False
        self._methods = server.methods
        self._needs_preface = True
        # The beginning of a frame (or of the preface) that has not arrived in full, and the size at
        # which it has; 0 when the next read begins with a frame of any kind.
        self._incomplete = bytearray()
        self._wanted_bytes = 1
        self._split_block: headers.SplitBlock | None = None
        self._decoder = headers.HeaderDecoder(limits.max_header_bytes)
        self._has_shrunk_table = False
        self._unacknowledged = 1
        self._reset_by_us: dict[int, None] = {}
        # What was received since the window was last given back: never above the window.
        self._ungranted = 0
        self._window = limits.connection_window
        self._window_half = limits.connection_window >> 1
        self._stream_window = limits.stream_window
        self._stream_window_half = limits.stream_window >> 1
        self._max_streams = limits.max_concurrent_streams
        self._size_bound = limits.max_frame_bytes + 1 << 8
        # Up to this sum of a stream's payloads none can be too large, or due to be granted again.
        self._usual_bytes = min(
            self._stream_window_half, limits.max_frame_bytes, limits.max_message_bytes
        )
        self._max_header_bytes = limits.max_header_bytes
        self._spare = Allowance(limits.control_burst, limits.control_rate, server.clock)
        self._cancellations = Allowance(limits.reset_burst, limits.reset_rate, server.clock)

    # -- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer with our settings, or hang up on one too many."""
        if not self.server.has_room():
            cast("asyncio.Transport", transport).abort()
            return
        self.ending.transport = self.sender.transport = cast("asyncio.Transport", transport)
        self.server.connections.add(self)
        limits = self.server.limits
        self.sender.out.append(
            frames.settings(
                {
                    frames.SETTINGS_MAX_CONCURRENT_STREAMS: limits.max_concurrent_streams,
                    frames.SETTINGS_INITIAL_WINDOW_SIZE: limits.stream_window,
                    frames.SETTINGS_MAX_FRAME_SIZE: limits.max_frame_bytes,
                    frames.SETTINGS_MAX_HEADER_LIST_SIZE: limits.max_header_bytes,
                }
            )
        )
        self.sender.out.append(
            frames.window_update(0, limits.connection_window - frames.DEFAULT_WINDOW)
        )
        self.sender.flush()
        if self.server.is_draining:
            self.ending.drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """Abort every open call."""
        del exc
        self.ending.transport = self.sender.transport = None
        self.server.connections.discard(self)
        self.abort_calls()
        self.server.connection_ended()

    def pause_writing(self) -> None:
        """Stop reading too."""
        self.ending.pause()

    def resume_writing(self) -> None:
        """Go on."""
        self.ending.resume()

    def eof_received(self) -> None:
        """Close when the peer closes."""

    def data_received(self, data: bytes) -> None:
        """Serve the frames of one read; answer them in one write.

        Nearly all frames are DATA with one whole message of an open call and nothing special about
        them. These are served right here, in few steps, for their number is what a gateway costs;
        whatever is not just so goes to ``_on_frame`` and on, which define what is right.
        """
        sender = self.sender
        sender.is_flush_due = True
        self.ending.heard_at = self.server.now
        try:
            if self._wanted_bytes:
                data = self._after_wait(data)
            position = 0
            last_message = len(data) - _MESSAGE_START
            while position <= last_message:
                size, flags, stream_id, is_compressed, length = _unpack_message(data, position)
                payload = length + PREFIX_BYTES
                if (
                    size == payload << 8  # of type DATA, which is 0
                    and not (flags or is_compressed)
                    and position + length <= last_message
                    and (stream := self.streams.get(stream_id)) is not None
                    and (deliver := stream.deliver) is not None
                    and (ungranted := stream.ungranted + payload) <= self._usual_bytes
                ):
                    stream.ungranted = ungranted
                    self._ungranted += payload
                    position += HEADER_BYTES + payload
                    try:
                        deliver(data[position - length : position])
                    except Exception:
                        log.exception(HANDLER_FAILED)
                        stream.fail(Status.INTERNAL, HANDLER_FAILED)
                else:
                    position = self._on_frame(data, position)
            while position < last_message + _MESSAGE_START:
                position = self._on_frame(data, position)
            if self._ungranted > self._window_half:
                self._grant()
        except ConnectionFault as fault:
            self.ending.fail(fault)
        except HPACKError as error:
            reason = f"bad header block: {error}"
            self.ending.fail(ConnectionFault(Error.COMPRESSION_ERROR, reason))
        finally:
            sender.flush()

    def ignore_input(self) -> None:
        """Take nothing that the peer sends from now on."""
        self._wanted_bytes = sys.maxsize

    # -- receiving ----------------------------------------------------------------------------

    def _after_wait(self, data: bytes) -> bytes:
        """Return the frames of a read, if it is not just the next one of many.

        Before it, the beginning of a frame or of the preface has come, or of a header block; or
        nothing is to be read any more.
        """
        if self.ending.is_over:
            return b""
        self._incomplete += data
        if len(self._incomplete) < self._wanted_bytes:
            return b""
        data = bytes(self._incomplete)
        self._incomplete.clear()
        self._wanted_bytes = 0
        if self._needs_preface:
            data = self._take_preface(data)
        return data if self._split_block is None else data[self._on_frame(data, 0) :]

    def _take_preface(self, data: bytes) -> bytes:
        preface = frames.PREFACE
        if data.startswith(preface):
            self._needs_preface = False
            return data[len(preface) :]
        if not preface.startswith(data):
            raise ConnectionFault(Error.PROTOCOL_ERROR, "not an HTTP/2 preface")
        self._incomplete += data
        self._wanted_bytes = len(data) + 1
        return b""

    def _on_frame(self, data: bytes, position: int) -> int:
        """Serve any frame, and with the first of a header block all others of it.

        Returns:
            Where the next frame begins. What is incomplete is kept for the next read.
        """
        end = len(data)
        while end - position >= HEADER_BYTES:
            # The upper three bytes of ``size`` are the payload's size, the lowest is the type.
            size, flags, stream_id = unpack_header(data, position)
            if size >= self._size_bound:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, f"frame of {size >> 8} bytes")
            start = position + HEADER_BYTES
            frame_end = start + (size >> 8)
            if frame_end > end:
                self._wanted_bytes = frame_end - position
                break
            position = frame_end
            kind = size & 0xFF
            stream_id &= MAX_STREAM_ID
            if self._split_block is not None:
                self._continue_block(kind, flags, stream_id, data[start:frame_end])
            elif kind == DATA:
                if (
                    not size  # an empty one that ends a call, as nearly all that come here
                    and flags == END_STREAM
                    and (stream := self.streams.get(stream_id)) is not None
                    and stream.deliver is not None
                ):
                    return self._on_last_data(stream, data, frame_end)
                return self._on_data(stream_id, flags, data, start, frame_end)
            elif kind == HEADERS:
                self._on_headers(stream_id, flags, data[start:frame_end])
            else:
                on_control(self, kind, flags, stream_id, data[start:frame_end])
            if self._split_block is None:
                return position
        self._incomplete += data[position:]
        self._wanted_bytes = self._wanted_bytes or HEADER_BYTES
        return end

    def _on_data(self, stream_id: int, flags: int, data: bytes, start: int, end: int) -> int:
        """Serve any DATA frame and return where the next frame begins."""
        size = end - start
        self._ungranted += size
        if self._ungranted > self._window_half:
            self._grant()
        stream = self.streams.get(stream_id)
        if stream is None or stream.is_remote_closed:
            self._on_late_data(stream_id, stream)
            return end
        stream.ungranted += size
        if stream.ungranted > self._stream_window:
            self.reset(stream, Error.FLOW_CONTROL_ERROR)
            return end
        ends = flags & END_STREAM
        if ends:
            stream.is_remote_closed = True
        if size:
            self._on_payload(stream, flags, data[start:end])
        elif not ends:
            self.spend()
        if stream.is_local_closed:
            return end
        if ends:
            return self._on_last_data(stream, data, end)
        if stream.ungranted > self._stream_window_half:
            self.sender.grant(stream)
        return end

    def _on_last_data(self, stream: Stream, data: bytes, end: int) -> int:
        """Serve the END_STREAM of a DATA frame and return where the next frame begins.

        Envoy resets each call right after ending it: nobody waits for its trailers then.
        """
        after = end + _RESET_BYTES
        if after > len(data) or unpack_header(data, end) != (_RESET_SIZE, 0, stream.id):
            self._on_end_of_stream(stream)
            return end
        stream.is_abandoned = True
        self._on_end_of_stream(stream)
        return end if stream.id in self.streams else after

    def _grant(self) -> None:
        if self._ungranted > self._window:
            raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "connection window exceeded")
        self.sender.out.append(frames.window_update(0, self._ungranted))
        self._ungranted = 0

    def _on_late_data(self, stream_id: int, stream: Stream | None) -> None:
        """Judge DATA after the end of its stream."""
        if stream is not None:
            self.reset(stream, Error.STREAM_CLOSED)
        elif self.is_idle(stream_id):
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"DATA on idle stream {stream_id}")
        elif stream_id not in self._reset_by_us and stream_id <= self.ending.last_served:
            self.spend()
            self.refuse(stream_id, Error.STREAM_CLOSED)

    def _on_payload(self, stream: Stream, flags: int, payload: bytes) -> None:
        """Take any payload: padded, of a declared length, with parts of messages or several."""
        if flags & PADDED:
            payload = frames.without_padding(payload)
            if not payload and not flags & END_STREAM:
                self.spend()
        if stream.expected_bytes >= 0:
            stream.expected_bytes -= len(payload)
            if stream.expected_bytes < 0:
                self.reset(stream, Error.PROTOCOL_ERROR)
                return
        if payload and stream.handler is not None:
            stream.receive(stream.handler, payload)

    def _on_end_of_stream(self, stream: Stream) -> None:
        """Serve the peer's END_STREAM on a call that we have not ended."""
        stream.is_remote_closed = True
        stream.deliver = None
        if stream.expected_bytes > 0:
            self.reset(stream, Error.PROTOCOL_ERROR)
        elif stream.handler is None:
            stream.send_head(headers.NOT_GRPC_HEAD)
            stream.is_local_closed = True
            self.sender.queue(stream, headers.NOT_GRPC)
        elif stream.partial is not None:
            stream.fail(Status.INTERNAL, "the last message is incomplete")
        else:
            stream.half_close(stream.handler)

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        if flags & _EXTRAS:
            if flags & PADDED:
                payload = frames.without_padding(payload)
            if flags & HAS_PRIORITY:
                payload = frames.without_priority(stream_id, payload)
        if not stream_id & 1:
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"HEADERS on stream {stream_id}")
        if len(payload) > self._max_header_bytes:
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "header block too large")
        if flags & END_HEADERS:
            self._on_block(stream_id, flags, payload)
        else:
            self._split_block = headers.SplitBlock(stream_id, flags, payload, self.server.limits)

    def _continue_block(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        block = self._split_block
        assert block is not None
        if kind != frames.CONTINUATION or stream_id != block.stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "a header block was interrupted")
        block.add(payload)
        if flags & END_HEADERS:
            self._split_block = None
            self._on_block(stream_id, block.flags, block.joined())

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        if stream_id <= self.last_stream_id:
            self._on_trailers(stream_id, flags, block)
            return
        self.last_stream_id = stream_id
        head = self._decoder.request(block)  # also when refused: HPACK state is shared
        streams = self.streams
        ending = self.ending
        if stream_id > ending.last_served:
            self.spend()
        elif len(streams) >= self._max_streams:
            self.spend()
            self.refuse(stream_id, Error.REFUSED_STREAM)
        elif not head.is_valid:
            self.spend()
            self.refuse(stream_id, Error.PROTOCOL_ERROR)
        else:
            stream = Stream(self, self.sender, stream_id, head.content_length)
            streams[stream_id] = stream
            if flags & END_STREAM:
                stream.is_remote_closed = True
            if head.is_grpc:
                if not self._has_shrunk_table:
                    self._shrink_table()
                stream.start(self._methods.get(head.path), is_draining=ending.is_draining)
            if flags & END_STREAM and not stream.is_local_closed:
                self._on_end_of_stream(stream)

    def _shrink_table(self) -> None:
        """Ask a gRPC client for header blocks that stand alone, so that they can be memoised.

        Not in our first SETTINGS: a peer that never calls a method keeps the protocol's defaults.
        """
        self._has_shrunk_table = True
        self._unacknowledged += 1
        self.sender.out.append(frames.settings({frames.SETTINGS_HEADER_TABLE_SIZE: 0}))

    def _on_trailers(self, stream_id: int, flags: int, block: bytes) -> None:
        is_acceptable = self._decoder.trailers(block)
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id not in self._reset_by_us and stream_id <= self.ending.last_served:
                raise ConnectionFault(Error.STREAM_CLOSED, f"HEADERS on closed stream {stream_id}")
        elif stream.is_remote_closed:
            self.reset(stream, Error.STREAM_CLOSED)
        elif not flags & END_STREAM or not is_acceptable:
            self.reset(stream, Error.PROTOCOL_ERROR)
        elif stream.is_local_closed:
            stream.is_remote_closed = True
        else:
            self._on_end_of_stream(stream)

    # -- what frames do to calls --------------------------------------------------------------

    def is_idle(self, stream_id: int) -> bool:
        """Whether the peer has not opened this stream, or cannot."""
        return stream_id > self.last_stream_id or not stream_id & 1

    def spend(self, count: int = 1) -> None:
        """Charge the peer for what costs us work and is of no use.

        Raises:
            ConnectionFault: its allowance is used up.
        """
        if not self._spare.spend(count):
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "too many frames without use")

    def refuse(self, stream_id: int, error: Error) -> None:
        """Send RST_STREAM; what is still on its way on this stream is no fault of the peer."""
        self.sender.out.append(frames.rst_stream(stream_id, error))
        self._reset_by_us[stream_id] = None
        if len(self._reset_by_us) > _REMEMBERED_RESETS:
            del self._reset_by_us[next(iter(self._reset_by_us))]

    def reset(self, stream: Stream, error: Error) -> None:
        """End a call for a fault of the peer."""
        self.spend()
        self.refuse(stream.id, error)
        self._forget(stream)
        stream.abort()

    def cancelled(self, stream_id: int) -> None:
        """End a call that the peer has reset.

        Raises:
            ConnectionFault: the peer does so too often to open calls. (Envoy resets every call
                that is over, which is neither work nor a way around any limit.)
        """
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        if not self._cancellations.spend():
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "too many calls cancelled")
        self._forget(stream)
        stream.abort()

    def ended(self, stream: Stream) -> None:
        """Forget a call whose end was sent."""
        if not stream.is_remote_closed:
            # The answer is complete without the rest of the request (section 8.1).
            self.refuse(stream.id, Error.NO_ERROR)
        self.streams.pop(stream.id, None)
        if self.ending.is_draining:
            self.ending.leave_if_done()

    def overflowed(self, stream: Stream) -> None:
        """Give up a call whose unread answers are too much; its handler hears of it later."""
        self.refuse(stream.id, Error.ENHANCE_YOUR_CALM)
        self._forget(stream)
        stream.is_local_closed = True
        stream.discard()
        self.server.loop.call_soon(stream.abort)
        self.sender.flush_soon()

    def _forget(self, stream: Stream) -> None:
        self.streams.pop(stream.id, None)
        if self.ending.is_draining:
            self.ending.leave_if_done()

    def abort_calls(self) -> None:
        """Abort every open call."""
        streams = list(self.streams.values())
        self.streams.clear()
        for stream in streams:
            stream.abort()

    def settings_acknowledged(self) -> None:
        """The peer has applied our oldest SETTINGS."""
        if not self._unacknowledged:
            self.spend()
            return
        self._unacknowledged -= 1
        if self._has_shrunk_table and not self._unacknowledged:
            self._decoder.table_refused()
