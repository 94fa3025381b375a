"""A gateway without the gateway: ext-proc exchanges straight to an EPP, as cheap as Python can.

So that what is measured is the EPP, and streams can be held by the hundred thousand.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hpack import Encoder

from epp._generated import gaie_extproc_pb2 as wire
from epp.transport import frames

PATH = b"/envoy.service.ext_proc.v3.ExternalProcessor/Process"
BUFFERED, DUPLEX = 2, 4
_PIECE = 16 * 1024
_WINDOW = 1 << 24


class Step(NamedTuple):
    """A part of an exchange.

    Attributes:
        messages: gRPC messages sent, with their length prefixes.
        replies: messages awaited before the next step.
    """

    messages: bytes
    replies: int


def completion(mode: int, prompt: str, *, chunks: int = 0, number: int = 0) -> list[Step]:
    """Return the exchange of a completion.

    Args:
        mode: how bodies are handed over; ``BUFFERED`` shows nothing of the response.
        prompt: the text; ``number`` is appended to it.
        chunks: of the streamed answer, in full duplex.
        number: goes into the prompt's end and the request's id.
    """
    body = b'{"model":"food-review","max_tokens":1000,"stream":true,"prompt":"%b %d"}' % (
        prompt.encode(),
        number,
    )
    fields = {
        ":method": "POST",
        ":path": "/v1/completions",
        ":authority": "gateway",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-request-id": f"{number:032d}",
    }
    is_duplex = mode == DUPLEX
    protocol = wire.ProtocolConfiguration(
        request_body_mode=mode, response_body_mode=mode if is_duplex else 0
    )
    headers = wire.ProcessingRequest(request_headers=_block(fields), protocol_config=protocol)
    if not is_duplex:
        whole = wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True))
        return [Step(_prefixed(headers), 1), Step(_prefixed(whole), 1)]
    pieces = [body[at : at + _PIECE] for at in range(0, len(body), _PIECE)]
    sent = b"".join(
        _prefixed(
            wire.ProcessingRequest(
                request_body=wire.HttpBody(body=piece, end_of_stream=index == len(pieces) - 1)
            )
        )
        for index, piece in enumerate(pieces)
    )
    echoes = -(-len(body) // 62_000)
    steps = [Step(_prefixed(headers) + sent, 1 + echoes)]
    if chunks:
        answer = {":status": "200", "content-type": "text/event-stream"}
        begin = wire.ProcessingRequest(response_headers=_block(answer))
        steps.append(Step(_prefixed(begin), 1))
        event = wire.HttpBody(body=b'data: {"choices":[{"index":0,"text":" the bay"}]}\n\n')
        middle = Step(_prefixed(wire.ProcessingRequest(response_body=event)), 1)
        steps += [middle] * (chunks - 1)
        end = wire.HttpBody(body=b"data: [DONE]\n\n", end_of_stream=True)
        steps.append(Step(_prefixed(wire.ProcessingRequest(response_body=end)), 1))
    return steps


def _block(fields: dict[str, str]) -> wire.HttpHeaders:
    return wire.HttpHeaders(
        headers=wire.HeaderMap(
            headers=[wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
        )
    )


def _prefixed(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


@dataclass(slots=True)
class _Stream:
    steps: Sequence[Step]
    is_held: bool
    done: "asyncio.Future[list[bytes]]"
    at: int = 0
    awaited: int = 0
    window: int = 0
    unsent: deque[bytes] = field(default_factory=deque)
    has_ended: bool = False
    buffer: bytes = b""
    replies: list[bytes] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One HTTP/2 connection; ``await Client.connect(host, port)``.

    Args:
        keeps_replies: hand the replies' bytes to those who wait for an exchange.
    """

    def __init__(self, *, keeps_replies: bool = False) -> None:
        self._keeps = keeps_replies
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._data = b""
        self._window = 65_535
        self._initial = 65_535
        self._starved: deque[int] = deque()
        self._received = 0
        encoder = Encoder()
        encoder.header_table_size = 0
        self._fields = encoder.encode(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", PATH),
                (b":authority", b"epp"),
                (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            ]
        )

    @classmethod
    async def connect(cls, host: str, port: int, *, keeps_replies: bool = False) -> "Client":
        """Return a client that is connected."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(
            lambda: cls(keeps_replies=keeps_replies), host, port
        )
        return client

    def exchange(
        self, steps: Sequence[Step], *, is_held: bool = False
    ) -> "asyncio.Future[list[bytes]]":
        """Begin an exchange; what is returned is done at its end, or, if held, when it is answered.

        An exchange that is reset, or whose connection ends, is cancelled.
        """
        number, self._next = self._next, self._next + 2
        done: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        stream = self._streams[number] = _Stream(steps, is_held, done, window=self._initial)
        self._write(frames.frame(frames.HEADERS, frames.END_HEADERS, number, self._fields))
        self._step(number, stream)
        return done

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        settings = frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: _WINDOW})
        self._write(frames.PREFACE + settings + frames.window_update(0, 1 << 30))

    def connection_lost(self, error: Exception | None) -> None:
        for stream in self._streams.values():
            stream.done.cancel()
        self._streams.clear()

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        at, size = 0, len(data)
        while size - at >= 9:
            length = int.from_bytes(data[at : at + 3], "big")
            end = at + 9 + length
            if end > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            number = int.from_bytes(data[at + 5 : at + 9], "big")
            self._take(kind, flags, number, data[at + 9 : end])
            at = end
        self._data = data[at:]
        if self._received > 1 << 20:
            self._write(frames.window_update(0, self._received))
            self._received = 0

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == frames.DATA:
            self._received += len(payload)
            self._replied(number, payload)
        elif kind == frames.HEADERS:
            if flags & frames.END_STREAM:
                self._ended(number)
        elif kind == frames.SETTINGS and not flags & 1:
            for at in range(0, len(payload), 6):
                if int.from_bytes(payload[at : at + 2], "big") == 4:
                    self._initial = int.from_bytes(payload[at + 2 : at + 6], "big")
            self._write(frames.frame(frames.SETTINGS, 1, 0))
        elif kind == frames.PING and not flags & 1:
            self._write(frames.frame(frames.PING, 1, 0, payload))
        elif kind == frames.WINDOW_UPDATE:
            self._widen(number, int.from_bytes(payload, "big"))
        elif kind == frames.RST_STREAM and (stream := self._streams.pop(number, None)):
            stream.done.cancel()

    def _replied(self, number: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        data = stream.buffer + payload if stream.buffer else payload
        at, size = 0, len(data)
        while size - at >= 5:
            end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
            if end > size:
                break
            if self._keeps:
                stream.replies.append(data[at + 5 : end])
            stream.awaited -= 1
            at = end
        stream.buffer = data[at:]
        if stream.awaited <= 0:
            self._step(number, stream)

    def _step(self, number: int, stream: _Stream) -> None:
        if stream.at < len(stream.steps):
            messages, stream.awaited = stream.steps[stream.at]
            stream.at += 1
            self._send(number, stream, messages)
        elif stream.is_held:
            if not stream.done.done():
                stream.done.set_result(stream.replies)
        elif not stream.has_ended:
            stream.has_ended = True
            self._write(frames.frame(frames.DATA, frames.END_STREAM, number))

    def _ended(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None and not stream.done.done():
            stream.done.set_result(stream.replies)

    def _send(self, number: int, stream: _Stream, messages: bytes) -> None:
        for at in range(0, len(messages), _PIECE):
            stream.unsent.append(messages[at : at + _PIECE])
        self._flush(number, stream)

    def _flush(self, number: int, stream: _Stream) -> None:
        while stream.unsent:
            piece = stream.unsent[0]
            if len(piece) > min(stream.window, self._window):
                self._starved.append(number)
                return
            stream.unsent.popleft()
            stream.window -= len(piece)
            self._window -= len(piece)
            self._write(frames.frame(frames.DATA, 0, number, piece))

    def _widen(self, number: int, by: int) -> None:
        if number:
            if stream := self._streams.get(number):
                stream.window += by
        else:
            self._window += by
        for _ in range(len(self._starved)):
            starved = self._starved.popleft()
            if stream := self._streams.get(starved):
                self._flush(starved, stream)

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)
