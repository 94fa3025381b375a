"""One HTTP/2 connection (RFC 9113), server side.

An ``asyncio.Protocol``: frames are parsed in place in the bytes of each read, and everything that a
read causes to be sent leaves in one write.

Buffers are bounded in both directions. Inwards: a stream that has more than
``Limits.unsent_high_water`` bytes to send gets no new window. Outwards: while the socket's own
buffer is full we stop reading, and since nearly all we write answers something read, that bounds
it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from hpack import HPACKError

from epp.transport import frames, headers
from epp.transport.call import Status
from epp.transport.frames import Error
from epp.transport.limits import Allowance
from epp.transport.stream import Stream

if TYPE_CHECKING:
    from epp.transport.server import GrpcServer

log = logging.getLogger("transport")

_NOT_GRPC = b"this port speaks gRPC only\n"
_NOT_GRPC_HEAD = headers.encode(
    [
        (b":status", b"415"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % len(_NOT_GRPC)),
    ]
)
_UNIMPLEMENTED = headers.grpc_trailers(Status.UNIMPLEMENTED, "unknown service or method")
_REMEMBERED_RESETS = 1000


class ConnectionFault(Exception):
    """The peer broke a rule in a way that ends the connection."""

    def __init__(self, error: Error, reason: str) -> None:
        super().__init__(reason)
        self.error = error


class Connection(asyncio.Protocol):
    """Serves one peer."""

    def __init__(self, server: "GrpcServer") -> None:
        self.server = server
        self.limits = server.limits
        self.streams: dict[int, Stream] = {}
        self.opened_at = server.clock()
        self.heard_at = self.opened_at
        self.paused_at = 0.0
        self.is_ready = False
        self.is_draining = False
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._is_reading = False
        self._is_flush_due = False
        self._is_pinging = False
        self._tail = b""
        self._needs_preface = True
        self._decoder = headers.HeaderDecoder(self.limits.max_header_bytes)
        self._has_shrunk_table = False
        self._unacknowledged = 1
        self._last_stream_id = 0
        self._goaway_at = frames.MAX_STREAM_ID
        # Streams that we ended while the peer could still be sending: its frames are no fault.
        self._reset_by_us: dict[int, None] = {}
        self._receive_window = self.limits.connection_window
        self._ungranted = 0
        self._send_window = frames.DEFAULT_WINDOW
        self._peer_stream_window = frames.DEFAULT_WINDOW
        self._peer_max_frame = frames.DEFAULT_MAX_FRAME
        self._unsent: dict[int, Stream] = {}
        self._allowance = Allowance(self.limits.control_burst, self.limits.control_rate)
        # A header block in progress: stream id, flags of its first frame, fragments.
        self._block_id = 0
        self._block_flags = 0
        self._block: list[bytes] = []
        self._block_bytes = 0

    # -- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer with our settings."""
        self._transport = cast("asyncio.Transport", transport)
        self.server.connections.add(self)
        limits = self.limits
        self._out.append(
            frames.settings(
                {
                    frames.SETTINGS_MAX_CONCURRENT_STREAMS: limits.max_concurrent_streams,
                    frames.SETTINGS_INITIAL_WINDOW_SIZE: limits.stream_window,
                    frames.SETTINGS_MAX_FRAME_SIZE: limits.max_frame_bytes,
                    frames.SETTINGS_MAX_HEADER_LIST_SIZE: limits.max_header_bytes,
                }
            )
        )
        self._out.append(frames.window_update(0, limits.connection_window - frames.DEFAULT_WINDOW))
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Abort every open call."""
        del exc
        self._transport = None
        self.server.connections.discard(self)
        streams = list(self.streams.values())
        self.streams.clear()
        self._unsent.clear()
        for stream in streams:
            self._abort(stream)
        self.server.connection_ended()

    def pause_writing(self) -> None:
        """Stop reading too: what we write answers what we read."""
        self.paused_at = self.server.clock()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.paused_at = 0.0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> None:
        """Close when the peer closes."""

    def data_received(self, data: bytes) -> None:
        """Parse the frames of one read; answer them in one write."""
        if self._tail:
            data = self._tail + data
            self._tail = b""
        self._is_pinging = False
        self.heard_at = self.server.now
        self._is_reading = True
        try:
            self._receive(data)
        except ConnectionFault as fault:
            self._fail(fault)
        except HPACKError as error:
            self._fail(ConnectionFault(Error.COMPRESSION_ERROR, f"bad header block: {error}"))
        finally:
            self._is_reading = False
            if self._out:
                self._flush()

    # -- receiving ----------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        position = 0
        end = len(data)
        if self._needs_preface:
            if end < len(frames.PREFACE):
                if not frames.PREFACE.startswith(data):
                    raise ConnectionFault(Error.PROTOCOL_ERROR, "not an HTTP/2 preface")
                self._tail = data
                return
            if not data.startswith(frames.PREFACE):
                raise ConnectionFault(Error.PROTOCOL_ERROR, "not an HTTP/2 preface")
            self._needs_preface = False
            position = len(frames.PREFACE)
        max_frame = self.limits.max_frame_bytes
        while end - position >= frames.HEADER_BYTES:
            high, low, kind, flags, stream_id = frames.unpack_header(data, position)
            size = high << 16 | low
            if size > max_frame:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, f"frame of {size} bytes")
            start = position + frames.HEADER_BYTES
            position = start + size
            if position > end:
                self._tail = data[start - frames.HEADER_BYTES :]
                return
            stream_id &= frames.MAX_STREAM_ID
            if self._block_id and (kind != frames.CONTINUATION or stream_id != self._block_id):
                raise ConnectionFault(Error.PROTOCOL_ERROR, "a header block was interrupted")
            if kind == frames.DATA:
                self._on_data(stream_id, flags, data[start:position])
            elif kind == frames.HEADERS:
                self._on_headers(stream_id, flags, data[start:position])
            else:
                self._on_other(kind, flags, stream_id, data[start:position])
            if self._transport is None or self._transport.is_closing():
                return
        if position < end:
            self._tail = data[position:]

    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None:
        size = len(payload)
        self._receive_window -= size
        if self._receive_window < 0:
            raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "connection window exceeded")
        self._ungranted += size
        if self._ungranted > self.limits.connection_window >> 1:
            self._out.append(frames.window_update(0, self._ungranted))
            self._receive_window += self._ungranted
            self._ungranted = 0
        if flags & frames.PADDED:
            payload = _without_padding(payload)
        if not payload and not flags & frames.END_STREAM:
            self._spend()
        stream = self.streams.get(stream_id)
        if stream is None or stream.is_remote_closed:
            self._on_data_for_closed(stream_id)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            self._reset(stream, Error.FLOW_CONTROL_ERROR)
            return
        if stream.expected_bytes >= 0:
            stream.expected_bytes -= len(payload)
            if stream.expected_bytes < 0:
                self._reset(stream, Error.PROTOCOL_ERROR)
                return
        stream.ungranted += size
        if payload:
            try:
                stream.receive(payload)
            except Exception:
                log.exception("a handler failed")
                stream.finish(Status.INTERNAL, "internal error")
        if flags & frames.END_STREAM:
            self._on_end_of_stream(stream)
        elif stream.ungranted > self.limits.stream_window >> 1:
            self._grant(stream)

    def _on_data_for_closed(self, stream_id: int) -> None:
        if not stream_id or stream_id > self._last_stream_id or not stream_id & 1:
            if stream_id & 1 and stream_id > self._goaway_at:
                return
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"DATA on idle stream {stream_id}")
        if stream_id not in self._reset_by_us:
            self._spend()
            self._refuse(stream_id, Error.STREAM_CLOSED)

    def _on_end_of_stream(self, stream: Stream) -> None:
        stream.is_remote_closed = True
        if stream.expected_bytes > 0:
            self._reset(stream, Error.PROTOCOL_ERROR)
            return
        handler = stream.handler
        if handler is None:
            if not stream.is_local_closed:
                self._answer_not_grpc(stream)
        elif stream.parts_bytes:
            stream.forget_parts()
            stream.finish(Status.INTERNAL, "the last message is incomplete")
            self._tell_aborted(stream)
        elif not stream.is_local_closed:
            try:
                handler.half_closed()
            except Exception:
                log.exception("a handler failed")
                stream.finish(Status.INTERNAL, "internal error")
        if stream.is_local_closed and stream.unsent is None:
            self.streams.pop(stream.id, None)

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        if len(payload) > self.limits.max_header_bytes:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "header block too large")
        if not stream_id & 1:
            raise ConnectionFault(Error.PROTOCOL_ERROR, f"HEADERS on stream {stream_id}")
        if flags & frames.PADDED:
            payload = _without_padding(payload)
        if flags & frames.HAS_PRIORITY:
            if len(payload) < 5:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
            depends_on = int.from_bytes(payload[:4], "big") & frames.MAX_STREAM_ID
            if depends_on == stream_id:
                raise ConnectionFault(Error.PROTOCOL_ERROR, "a stream depends on itself")
            payload = payload[5:]
        if flags & frames.END_HEADERS:
            self._on_block(stream_id, flags, payload)
            return
        self._block_id = stream_id
        self._block_flags = flags
        self._block = [payload]
        self._block_bytes = len(payload)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not self._block_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block.append(payload)
        self._block_bytes += len(payload)
        if (
            self._block_bytes > self.limits.max_header_bytes
            or len(self._block) > self.limits.max_continuations + 1
        ):
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "header block too large")
        if flags & frames.END_HEADERS:
            self._block_id = 0
            block, self._block = b"".join(self._block), []
            self._on_block(stream_id, self._block_flags, block)

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        if len(block) > self.limits.max_header_bytes:
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "header block too large")
        if stream_id <= self._last_stream_id:
            self._on_trailers(stream_id, flags, block)
            return
        self._last_stream_id = stream_id
        head = self._decoder.request(block)  # also when refused: HPACK state is shared
        if stream_id > self._goaway_at:
            self._spend()
            return
        if len(self.streams) >= self.limits.max_concurrent_streams:
            self._spend()
            self._refuse(stream_id, Error.REFUSED_STREAM)
            return
        if not head.is_valid:
            self._spend()
            self._refuse(stream_id, Error.PROTOCOL_ERROR)
            return
        stream = Stream(self, stream_id, self.limits.stream_window, self._peer_stream_window)
        stream.expected_bytes = head.content_length
        self.streams[stream_id] = stream
        if head.is_grpc:
            if not self._has_shrunk_table:
                self._shrink_table()
            factory = self.server.methods.get(head.path)
            if factory is None:
                self.finish(stream, _UNIMPLEMENTED)
            else:
                stream.handler = factory(stream)
                if self.is_draining:
                    stream.handler.drain()
        if flags & frames.END_STREAM:
            self._on_end_of_stream(stream)

    def _shrink_table(self) -> None:
        """Ask a gRPC client for header blocks that stand alone, so that they can be memoised.

        Not in our first SETTINGS: a peer that never calls a method keeps the protocol's defaults.
        """
        self._has_shrunk_table = True
        self._unacknowledged += 1
        self._out.append(frames.settings({frames.SETTINGS_HEADER_TABLE_SIZE: 0}))

    def _on_trailers(self, stream_id: int, flags: int, block: bytes) -> None:
        is_acceptable = self._decoder.trailers(block)
        stream = self.streams.get(stream_id)
        if stream is None or stream.is_remote_closed:
            if stream_id in self._reset_by_us:
                return
            if stream is None:
                raise ConnectionFault(Error.STREAM_CLOSED, f"HEADERS on closed stream {stream_id}")
            self._reset(stream, Error.STREAM_CLOSED)
        elif not flags & frames.END_STREAM or not is_acceptable:
            self._reset(stream, Error.PROTOCOL_ERROR)
        else:
            self._on_end_of_stream(stream)

    def _on_other(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        receive = self._receivers.get(kind)
        if receive is None:
            self._spend()  # unknown types must be ignored (section 4.1)
        else:
            receive(self, flags, stream_id, payload)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(payload) < 8:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "GOAWAY too short")
        self._spend()

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags, stream_id, payload
        raise ConnectionFault(Error.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if len(payload) != 4:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
        increment = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        if not stream_id:
            if not increment:
                raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
            self._send_window += increment
            if self._send_window > frames.MAX_WINDOW:
                raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "connection window too large")
            self._pump_all()
            return
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id > self._last_stream_id:
                raise ConnectionFault(Error.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
            return
        if not increment:
            self._reset(stream, Error.PROTOCOL_ERROR)
            return
        stream.send_window += increment
        if stream.send_window > frames.MAX_WINDOW:
            self._reset(stream, Error.FLOW_CONTROL_ERROR)
        elif stream.unsent is not None:
            self._pump(stream)
        elif increment < 16:
            self._spend()

    def _on_reset(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if len(payload) != 4:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
        if not stream_id or stream_id > self._last_stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "RST_STREAM on an idle stream")
        self._spend()
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            self._unsent.pop(stream_id, None)
            self._abort(stream)
            self._close_if_drained()

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, "SETTINGS ACK with a payload")
            self._unacknowledged -= 1
            if self._has_shrunk_table and not self._unacknowledged:
                self._decoder.table_refused()
            return
        if len(payload) % 6:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "SETTINGS of a broken length")
        self._spend()
        for start in range(0, len(payload), 6):
            key = int.from_bytes(payload[start : start + 2], "big")
            self._apply_setting(key, int.from_bytes(payload[start + 2 : start + 6], "big"))
        self.is_ready = True
        self._out.append(frames.SETTINGS_ACK)
        self._pump_all()

    def _apply_setting(self, key: int, value: int) -> None:
        if key == frames.SETTINGS_INITIAL_WINDOW_SIZE:
            if value > frames.MAX_WINDOW:
                raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "initial window too large")
            change = value - self._peer_stream_window
            self._peer_stream_window = value
            for stream in self.streams.values():
                stream.send_window += change
                if stream.send_window > frames.MAX_WINDOW:
                    raise ConnectionFault(Error.FLOW_CONTROL_ERROR, "stream window too large")
        elif key == frames.SETTINGS_MAX_FRAME_SIZE:
            if not frames.DEFAULT_MAX_FRAME <= value <= frames.LARGEST_MAX_FRAME:
                raise ConnectionFault(Error.PROTOCOL_ERROR, "frame size out of range")
            self._peer_max_frame = value
        elif key == frames.SETTINGS_ENABLE_PUSH and value > 1:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != 8:
            raise ConnectionFault(Error.FRAME_SIZE_ERROR, "PING has 8 bytes")
        if flags & frames.ACK:
            if self.is_draining:
                self._announce_last_stream()
            return
        self._spend()
        self._out.append(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _on_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if not stream_id:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "PRIORITY on stream 0")
        self._spend()
        depends_on = int.from_bytes(payload[:4], "big") & frames.MAX_STREAM_ID
        error = Error.NO_ERROR
        if len(payload) != 5:
            error = Error.FRAME_SIZE_ERROR
        elif depends_on == stream_id:
            error = Error.PROTOCOL_ERROR
        if error:
            stream = self.streams.get(stream_id)
            if stream is not None:
                self._reset(stream, error)
            elif stream_id > self._last_stream_id:
                raise ConnectionFault(error, "bad PRIORITY")
            else:
                self._refuse(stream_id, error)

    _receivers: ClassVar[dict[int, Callable[["Connection", int, int, bytes], None]]] = {
        frames.PRIORITY: _on_priority,
        frames.RST_STREAM: _on_reset,
        frames.SETTINGS: _on_settings,
        frames.PUSH_PROMISE: _on_push_promise,
        frames.PING: _on_ping,
        frames.GOAWAY: _on_goaway,
        frames.WINDOW_UPDATE: _on_window_update,
        frames.CONTINUATION: _on_continuation,
    }

    # -- sending ------------------------------------------------------------------------------

    def send_message(self, stream: Stream, message: bytes) -> None:
        """Send a message now if the windows allow, else queue it."""
        if not stream.has_sent_head:
            self._send_head(stream, headers.GRPC_HEAD)
        size = len(message) + 5
        if (
            stream.unsent is None
            and size <= stream.send_window
            and size <= self._send_window
            and size <= self._peer_max_frame
        ):
            stream.send_window -= size
            self._send_window -= size
            self._out.append(
                frames.pack_message_header(
                    size >> 16, size & 0xFFFF, frames.DATA, 0, stream.id, 0, size - 5
                )
            )
            self._out.append(message)
            if not self._is_reading:
                self._flush_soon()
            return
        if stream.unsent is None:
            stream.unsent = bytearray()
            self._unsent[stream.id] = stream
        stream.unsent += b"\x00" + len(message).to_bytes(4, "big")
        stream.unsent += message
        self._pump(stream)

    def finish(self, stream: Stream, trailers: bytes) -> None:
        """End the stream with a trailer block once everything queued was sent."""
        stream.is_local_closed = True
        stream.trailers = trailers
        if stream.unsent is None:
            self._end(stream)

    def _send_head(self, stream: Stream, block: bytes) -> None:
        stream.has_sent_head = True
        self._out.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream.id, block))

    def _pump(self, stream: Stream) -> None:
        """Send what the windows allow of a stream's queue, then its end."""
        unsent = stream.unsent
        assert unsent is not None
        start = 0
        while start < len(unsent):
            size = min(
                len(unsent) - start, stream.send_window, self._send_window, self._peer_max_frame
            )
            if size <= 0:
                break
            self._out.append(
                frames.frame(frames.DATA, 0, stream.id, bytes(unsent[start : start + size]))
            )
            stream.send_window -= size
            self._send_window -= size
            start += size
        del unsent[:start]
        if not unsent:
            stream.unsent = None
            self._unsent.pop(stream.id, None)
            if stream.trailers is not None:
                self._end(stream)
        if not stream.is_remote_closed and stream.ungranted > self.limits.stream_window >> 1:
            self._grant(stream)
        if not self._is_reading:
            self._flush_soon()

    def _pump_all(self) -> None:
        for stream in list(self._unsent.values()):
            self._pump(stream)

    def _grant(self, stream: Stream) -> None:
        if stream.unsent is not None and len(stream.unsent) > self.limits.unsent_high_water:
            return
        self._out.append(frames.window_update(stream.id, stream.ungranted))
        stream.receive_window += stream.ungranted
        stream.ungranted = 0

    def _end(self, stream: Stream) -> None:
        trailers = stream.trailers
        assert trailers is not None
        if trailers:
            if not stream.has_sent_head:
                stream.has_sent_head = True
                trailers = headers.GRPC_HEAD + trailers
            self._out.append(
                frames.frame(
                    frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream.id, trailers
                )
            )
        else:
            self._out.append(frames.frame(frames.DATA, frames.END_STREAM, stream.id))
        if not stream.is_remote_closed:
            # The answer is complete without the rest of the request (section 8.1).
            self._refuse(stream.id, Error.NO_ERROR)
        self._forget(stream)
        if not self._is_reading:
            self._flush_soon()

    def _answer_not_grpc(self, stream: Stream) -> None:
        self._send_head(stream, _NOT_GRPC_HEAD)
        stream.unsent = bytearray(_NOT_GRPC)
        self._unsent[stream.id] = stream
        stream.is_local_closed = True
        stream.trailers = b""
        self._pump(stream)

    def _reset(self, stream: Stream, error: Error) -> None:
        """End a stream for a fault of the peer."""
        self._spend()
        self._refuse(stream.id, error)
        self._forget(stream)
        self._abort(stream)

    def _refuse(self, stream_id: int, error: Error) -> None:
        self._out.append(frames.rst_stream(stream_id, error))
        self._reset_by_us[stream_id] = None
        if len(self._reset_by_us) > _REMEMBERED_RESETS:
            del self._reset_by_us[next(iter(self._reset_by_us))]

    def _forget(self, stream: Stream) -> None:
        self.streams.pop(stream.id, None)
        self._unsent.pop(stream.id, None)
        if stream.parts_bytes:
            stream.forget_parts()
        self._close_if_drained()

    def _abort(self, stream: Stream) -> None:
        if stream.parts_bytes:
            stream.forget_parts()
        was_over = stream.is_local_closed
        stream.is_local_closed = True
        stream.unsent = None
        if not was_over:
            self._tell_aborted(stream)

    def _tell_aborted(self, stream: Stream) -> None:
        if stream.handler is not None:
            try:
                stream.handler.aborted()
            except Exception:
                log.exception("a handler failed")

    def _spend(self) -> None:
        if not self._allowance.spend():
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "too many frames without use")

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._transport is not None and self._out:
            self._transport.write(b"".join(self._out) if len(self._out) > 1 else self._out[0])
        self._out.clear()

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self.server.loop.call_soon(self._flush)

    # -- the end ------------------------------------------------------------------------------

    def _fail(self, fault: ConnectionFault) -> None:
        log.info("closing a connection: %s", fault)
        self._out.append(
            frames.goaway(self._last_stream_id, fault.error, str(fault).encode()[:256])
        )
        self.close()

    def close(self) -> None:
        """Send what is ready and close."""
        self._flush()
        if self._transport is not None:
            if self.paused_at:
                self._transport.abort()
            else:
                self._transport.close()

    def drain(self) -> None:
        """Ask the peer for no new streams; those on their way are still served.

        The GOAWAY with the highest stream id comes first; the one with the real last id follows
        the answer to a PING, when every stream the peer had begun has reached us (section 6.8).
        """
        if self.is_draining:
            return
        self.is_draining = True
        self._out.append(frames.goaway(frames.MAX_STREAM_ID, Error.NO_ERROR, b"draining"))
        self._out.append(frames.frame(frames.PING, 0, 0, b"draining"))
        self._flush_soon()
        self.server.loop.call_later(1.0, self._announce_last_stream)
        for stream in list(self.streams.values()):
            if stream.handler is not None:
                stream.handler.drain()

    def _announce_last_stream(self) -> None:
        if self._goaway_at == frames.MAX_STREAM_ID and self._transport is not None:
            self._goaway_at = self._last_stream_id
            self._out.append(frames.goaway(self._last_stream_id, Error.NO_ERROR))
            self._flush_soon()
            self._close_if_drained()

    def _close_if_drained(self) -> None:
        if self._goaway_at != frames.MAX_STREAM_ID and not self.streams:
            self.server.loop.call_soon(self.close)

    def check(self, now: float) -> None:
        """Close or probe a peer that is slow or silent; called every few seconds."""
        limits = self.limits
        if not self.is_ready:
            if now - self.opened_at > limits.handshake_seconds:
                self._fail(ConnectionFault(Error.SETTINGS_TIMEOUT, "no SETTINGS in time"))
        elif self.paused_at:
            if now - self.paused_at > limits.stalled_seconds and self._transport is not None:
                self._transport.abort()
        elif now - self.heard_at > limits.keepalive_seconds:
            if self._is_pinging:
                if self._transport is not None:
                    self._transport.abort()
                return
            self._is_pinging = True
            self.heard_at = now
            self._out.append(frames.frame(frames.PING, 0, 0, b"keepaliv"))
            self._flush_soon()


def _without_padding(payload: bytes) -> bytes:
    if not payload:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, "no pad length")
    padding = payload[0]
    if padding >= len(payload):
        raise ConnectionFault(Error.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - padding]
