"""A gateway's end of an ext-proc connection, frame by frame, so that it can misbehave."""

import contextlib
import socket
from collections.abc import Callable, Iterable
from typing import Any

from hpack import Decoder, Encoder

from epp._generated import gaie_extproc_pb2 as wire
from epp.transport import frames

PROCESS = b"/envoy.service.ext_proc.v3.ExternalProcessor/Process"
BUFFERED, FULL_DUPLEX = 2, 4
PATIENCE = 60.0
_FIELDS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", PROCESS),
    (b":authority", b"epp"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)


class Peer:
    """One HTTP/2 connection to the ext-proc port, frame by frame.

    Attributes:
        replies: what came on each stream.
        statuses: the gRPC status of each stream that ended; ``reset`` is another.
        is_lost: the connection ended, or the EPP has found a fault in it.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies: dict[int, list[wire.ProcessingResponse]] = {}
        self.statuses: dict[int, str] = {}
        self.is_lost = False
        self._encoder, self._decoder = Encoder(), Decoder()
        self._encoder.header_table_size = 0
        self._block = self._encoder.encode(_FIELDS)
        self._next = 1
        self._read = bytearray()
        self._partial: dict[int, bytearray] = {}
        self._windows: dict[int, int] = {0: frames.DEFAULT_WINDOW}
        self._window = frames.DEFAULT_WINDOW
        self._ungranted = 0
        try:
            self.send(frames.PREFACE + frames.settings({frames.SETTINGS_MAX_FRAME_SIZE: 1 << 20}))
        except OSError:  # who accepted it has died
            self.close()
            raise

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def open(self) -> int:
        """Begin a call; return its stream."""
        stream, self._next = self._next, self._next + 2
        self._windows[stream] = self._window
        self.send(frames.frame(frames.HEADERS, frames.END_HEADERS, stream, self._block))
        return stream

    def say(self, stream: int, *messages: wire.ProcessingRequest, is_last: bool = False) -> None:
        """Send messages as the windows allow."""
        data = b"".join(prefixed(message) for message in messages)
        while data:
            self.wait(
                lambda: stream in self.statuses or min(self._windows[stream], self._windows[0]) > 0
            )
            if stream in self.statuses or self.is_lost:
                return
            size = min(len(data), 16_384, self._windows[stream], self._windows[0])
            self.send(frames.frame(frames.DATA, 0, stream, data[:size]))
            self._windows[stream] -= size
            self._windows[0] -= size
            data = data[size:]
            self.poll()
        if is_last:
            self.send(frames.frame(frames.DATA, frames.END_STREAM, stream))

    def ask(self, body: bytes, mode: int = BUFFERED, **headers: str) -> wire.ProcessingResponse:
        """Send a completion; return the reply that says where it goes, or why not."""
        stream = self.open()
        self.say(stream, request_headers(mode, **headers))
        if mode == BUFFERED:
            self.wait(lambda: self.replies.get(stream) or stream in self.statuses)
            if self._has_ended(stream):
                return self.replies[stream][-1]
        self.say(stream, request_body(body))
        wanted = 2 if mode == BUFFERED else 1
        self.wait(lambda: len(self.replies.get(stream, ())) >= wanted or self._has_ended(stream))
        self.send(frames.rst_stream(stream, frames.Error.CANCEL))
        return self.replies[stream][wanted - 1 if len(self.replies[stream]) >= wanted else -1]

    def ask_all(self, exchanges: Iterable[tuple[bytes, dict[str, str]]]) -> list[int]:
        """Send completions at once, each to its end; return their streams."""
        streams, data = [], b""
        for body, headers in exchanges:
            stream, self._next = self._next, self._next + 2
            said = prefixed(request_headers(**headers)) + prefixed(request_body(body))
            data += frames.frame(frames.HEADERS, frames.END_HEADERS, stream, self._block)
            data += frames.frame(frames.DATA, frames.END_STREAM, stream, said)
            self._windows[0] -= len(said)
            streams.append(stream)
        self.send(data)
        self.wait(lambda: all(stream in self.statuses for stream in streams))
        return streams

    def poll(self) -> None:
        """Take what has come, without waiting."""
        self.socket.setblocking(False)
        try:
            with contextlib.suppress(BlockingIOError):
                self._take(self.socket.recv(1 << 20))
        except OSError:
            self.is_lost = True
        finally:
            with contextlib.suppress(OSError):
                self.socket.settimeout(PATIENCE)

    def wait(self, done: Callable[[], Any]) -> None:
        """Read until something is so, or the connection is lost."""
        while not done() and not self.is_lost:
            try:
                self._take(self.socket.recv(1 << 20))
            except ConnectionError:
                self.is_lost = True

    def _has_ended(self, stream: int) -> bool:
        replies = self.replies.get(stream)
        return stream in self.statuses or bool(
            replies and replies[-1].WhichOneof("response") == "immediate_response"
        )

    def _take(self, data: bytes) -> None:
        if not data:
            self.is_lost = True
            return
        self._read += data
        while len(self._read) >= frames.HEADER_BYTES:
            size, flags, stream = frames.unpack_header(self._read)
            end = frames.HEADER_BYTES + (size >> 8)
            if len(self._read) < end:
                break
            payload = bytes(self._read[frames.HEADER_BYTES : end])
            del self._read[:end]
            self._on_frame(size & 0xFF, flags, stream, payload)

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.SETTINGS and not flags & frames.ACK:
            for at in range(0, len(payload), 6):
                if payload[at + 1] == frames.SETTINGS_INITIAL_WINDOW_SIZE:
                    window = int.from_bytes(payload[at + 2 : at + 6], "big")
                    for each in self._windows.keys() - {0}:
                        self._windows[each] += window - self._window
                    self._window = window
            self.send(frames.SETTINGS_ACK)
        elif kind == frames.PING and not flags & frames.ACK:
            self.send(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.WINDOW_UPDATE:
            self._windows[stream] = self._windows.get(stream, 0) + int.from_bytes(payload, "big")
        elif kind == frames.DATA:
            self._on_data(stream, payload)
        elif kind == frames.HEADERS:
            fields = dict(self._decoder.decode(payload))
            if "grpc-status" in fields:
                self.statuses[stream] = fields["grpc-status"]
        elif kind == frames.RST_STREAM:
            self.statuses.setdefault(stream, "reset")
        elif kind == frames.GOAWAY and int.from_bytes(payload[4:8], "big"):
            self.is_lost = True

    def _on_data(self, stream: int, payload: bytes) -> None:
        if payload:
            self._ungranted += len(payload)
            if len(payload) > 1024:
                self.send(frames.window_update(stream, len(payload)))
            if self._ungranted > frames.DEFAULT_WINDOW // 2:
                self.send(frames.window_update(0, self._ungranted))
                self._ungranted = 0
        partial = self._partial.setdefault(stream, bytearray())
        partial += payload
        while len(partial) >= 5 and len(partial) >= (size := 5 + int.from_bytes(partial[1:5])):
            reply = wire.ProcessingResponse.FromString(bytes(partial[5:size]))
            self.replies.setdefault(stream, []).append(reply)
            del partial[:size]


def prefixed(message: wire.ProcessingRequest) -> bytes:
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def request_headers(mode: int = BUFFERED, **more: str) -> wire.ProcessingRequest:
    fields = {":method": "POST", ":path": "/v1/completions", "x-request-id": "r"}
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    headers = [wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
    return wire.ProcessingRequest(
        request_headers=wire.HttpHeaders(headers=wire.HeaderMap(headers=headers)),
        protocol_config=wire.ProtocolConfiguration(
            request_body_mode=mode, response_body_mode=mode if mode == FULL_DUPLEX else 0
        ),
    )


def request_body(body: bytes, *, is_last: bool = True) -> wire.ProcessingRequest:
    return wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=is_last))


def destination_of(reply: wire.ProcessingResponse) -> str:
    side = getattr(reply, str(reply.WhichOneof("response")))
    found = {
        option.header.key: option.header.raw_value.decode()
        for option in side.response.header_mutation.set_headers
    }
    return found.get("x-gateway-destination-endpoint", "")


def status_of(reply: wire.ProcessingResponse) -> int:
    """Return the HTTP status of a refusal; 0 of any other reply."""
    return int(reply.immediate_response.status.code)
