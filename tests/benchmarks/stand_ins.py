"""Stand-ins for model servers: many in one process, so cheap that they do not disturb.

They answer completions with fixed bytes (72 tokens at once, or a stream of server-sent events) and
``/metrics`` with a real vLLM's text in which the load figures are kept current. Run as a program
it prints one line of JSON with the ports and serves until SIGTERM. ``GET /counters`` tells what was
asked of all of them together.
"""

import argparse
import asyncio
import json
import re
import signal
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

DATA = Path(__file__).parent / "data"
MODEL = "food-review"
COMPLETION_TOKENS = 72

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")
_LAST_CHUNK = b"0\r\n\r\n"
_FIGURES = re.compile(
    rb"^vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc)\{[^}]*\} ([^\n]*)",
    re.MULTILINE,
)


@dataclass(slots=True)
class Counters:
    """What all stand-ins of this process did.

    Attributes:
        completions: answered to the end.
        scrapes: metrics texts sent.
        open: completions being answered now.
        events: server-sent events written.
    """

    completions: int = 0
    scrapes: int = 0
    open: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How completions are answered.

    Attributes:
        events: server-sent events of one answer; 0 answers with one JSON object at once.
        interval_seconds: between two events of one stream; the streams of one stand-in step
            together, as a model server's do.
        is_held: after its first event a stream stays open without a further byte.
    """

    events: int
    interval_seconds: float
    is_held: bool


def _json_answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _completion(name: str, choice: dict[str, object]) -> bytes:
    usage = {"prompt_tokens": 72, "completion_tokens": COMPLETION_TOKENS, "total_tokens": 144}
    whole = {"id": "cmpl-1", "object": name, "created": 1, "model": MODEL}
    return json.dumps({**whole, "choices": [{"index": 0, **choice}], "usage": usage}).encode()


def _chunk(payload: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(payload), payload)


_TEXT = "word" * COMPLETION_TOKENS
_ANSWERS = {
    b"/v1/completions": _json_answer(
        "200 OK", _completion("text_completion", {"text": _TEXT, "finish_reason": "length"})
    ),
    b"/v1/chat/completions": _json_answer(
        "200 OK",
        _completion(
            "chat.completion",
            {"message": {"role": "assistant", "content": _TEXT}, "finish_reason": "length"},
        ),
    ),
    b"/health": _json_answer("200 OK", b"{}"),
    b"/v1/models": _json_answer(
        "200 OK",
        json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode(),
    ),
}
_NOT_FOUND = _json_answer("404 Not Found", b'{"error": {"message": "no such path"}}')
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_EVENT = _chunk(
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"food-review",'
    b'"choices":[{"index":0,"text":" word","finish_reason":null}],"usage":null}\n\n'
)
_STREAM_TAIL = (
    _chunk(b"data: " + _completion("text_completion", {"text": "", "finish_reason": "length"}))
    + _chunk(b"\n\ndata: [DONE]\n\n")
    + _LAST_CHUNK
)


class ModelServer:
    """One stand-in: its streams and its metrics."""

    def __init__(self, shape: Shape, counters: Counters, loop: asyncio.AbstractEventLoop) -> None:
        self.shape = shape
        self.counters = counters
        self.running = 0
        self._loop = loop
        self._streams: dict[Exchange, int] = {}
        self._is_stepping = False
        text = (DATA / "vllm-metrics.txt").read_bytes()
        found = list(_FIGURES.finditer(text))
        ends = [0, *(match.end(2) for match in found)]
        starts = [*(match.start(2) for match in found), len(text)]
        self._pieces = [text[end:start] for end, start in zip(ends, starts, strict=True)]
        self._names = [match[1] for match in found]

    def metrics(self) -> bytes:
        """Return the answer to a scrape."""
        values = {
            b"num_requests_running": self.running,
            b"num_requests_waiting": self.running // 4,
            b"kv_cache_usage_perc": min(1.0, self.running / 64),
        }
        parts = [self._pieces[0]]
        for name, piece in zip(self._names, self._pieces[1:], strict=True):
            parts += (b"%r" % float(values[name]), piece)
        self.counters.scrapes += 1
        return _json_answer("200 OK", b"".join(parts), "text/plain; version=0.0.4; charset=utf-8")

    def begin(self, exchange: "Exchange") -> None:
        """Start a stream; events follow with the step that all streams share."""
        exchange.write(_STREAM_HEAD + _EVENT)
        self.counters.events += 1
        self.counters.open += 1
        self.running += 1
        if self.shape.is_held:
            self._streams[exchange] = 0
            return
        self._streams[exchange] = self.shape.events - 1
        if not self._is_stepping:
            self._schedule(self._loop.time() + self.shape.interval_seconds)

    def forget(self, exchange: "Exchange") -> None:
        """The client is gone."""
        if self._streams.pop(exchange, None) is not None:
            self.counters.open -= 1
            self.running -= 1

    def _schedule(self, due: float) -> None:
        self._is_stepping = True
        self._loop.call_at(due, self._step, due)

    def _step(self, due: float) -> None:
        streams = self._streams
        self.counters.events += len(streams)
        for exchange, left in list(streams.items()):
            if left > 1:
                streams[exchange] = left - 1
                exchange.write(_EVENT)
            else:
                exchange.write(_EVENT + _STREAM_TAIL)
                self.forget(exchange)
                self.counters.completions += 1
        self._is_stepping = False
        if streams:
            self._schedule(due + self.shape.interval_seconds)


class Exchange(asyncio.Protocol):
    """One connection; requests follow one another and are never pipelined."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._head = b""
        self._path = b""
        self._missing = 0
        self._is_chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Kept as a bound method, which saves a call for each event; uvloop's transports are no
        # instances of asyncio's classes.
        self.write = cast("asyncio.WriteTransport", transport).write

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
            if self._missing <= 0:
                self._answer()
        elif self._is_chunked:
            if data.endswith(_LAST_CHUNK):
                self._answer()
        else:
            self._take_head(self._head + data)

    def _take_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return
        self._head = b""
        method, self._path, _ = data.split(b" ", 2)
        if method != b"POST":
            self.write(self._reading(self._path))
            return
        head = data[:end].lower()
        length = _LENGTH.search(head)
        if length is None:
            self._is_chunked = b"\r\ntransfer-encoding: chunked" in head
            if not self._is_chunked or data.endswith(_LAST_CHUNK):
                self._answer()
            return
        self._missing = max(0, int(length[1]) - (len(data) - end - 4))
        if not self._missing:
            self._answer()

    def _reading(self, path: bytes) -> bytes:
        if path == b"/metrics":
            return self._server.metrics()
        if path == b"/counters":
            return _json_answer("200 OK", json.dumps(asdict(self._server.counters)).encode())
        return _ANSWERS.get(path, _NOT_FOUND)

    def _answer(self) -> None:
        self._missing = 0
        self._is_chunked = False
        if self._server.shape.events:
            self._server.begin(self)
            return
        self._server.counters.completions += 1
        self.write(_ANSWERS.get(self._path, _NOT_FOUND))


async def _serve(count: int, shape: Shape) -> None:
    loop = asyncio.get_running_loop()
    counters = Counters()
    listeners = []
    for _ in range(count):
        exchange = partial(Exchange, ModelServer(shape, counters, loop))
        listeners.append(await loop.create_server(exchange, "127.0.0.1", 0, backlog=4096))
    ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
    print(json.dumps({"ports": ports}), flush=True)
    is_over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, is_over.set)
    await is_over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--interval-ms", type=float, default=5.0)
    parser.add_argument("--held", action="store_true")
    given = parser.parse_args()
    uvloop.run(_serve(given.count, Shape(given.events, given.interval_ms / 1e3, given.held)))
