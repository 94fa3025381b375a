"""A client's end of a connection without a socket: frames in, frames out, time by hand."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from epp.transport import frames, headers
from epp.transport.call import Call, Handler
from epp.transport.connection import Connection
from epp.transport.limits import Limits
from epp.transport.server import GrpcServer

REQUEST = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/test.Echo/Echo"),
    (b":authority", b"epp"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)


class Frame(NamedTuple):
    """One frame as the peer reads it."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes


def parse(data: bytes) -> list[Frame]:
    found = []
    while data:
        size, flags, stream_id = frames.unpack_header(data)
        end = frames.HEADER_BYTES + (size >> 8)
        found.append(Frame(size & 0xFF, flags, stream_id, data[frames.HEADER_BYTES : end]))
        data = data[end:]
    return found


class Wire:
    """Stands for the socket."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.writes = 0
        self.is_closed = self.is_aborted = self.has_ended = self.is_reading_paused = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        assert not self.is_aborted
        assert not self.has_ended
        self.written += data
        self.writes += 1

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_ended = True

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def get_extra_info(self, name: str) -> Any:
        return ("peer", 1) if name == "peername" else None


class Echo(Handler):
    """Answers each message with itself and ends when the peer does; remembers what it was told."""

    def __init__(self, call: Call, events: list[Any]) -> None:
        self.call = call
        self.events = events

    def message(self, data: bytes) -> None:
        self.events.append(data)
        self.call.send(data)

    def half_closed(self) -> None:
        self.events.append("half-closed")
        self.call.finish()

    def aborted(self) -> None:
        self.events.append("aborted")

    def drain(self) -> None:
        self.events.append("drain")


class Silent(Echo):
    """Takes messages and never answers by itself."""

    def message(self, data: bytes) -> None:
        self.events.append(data)

    def half_closed(self) -> None:
        self.events.append("half-closed")


class Peer:
    """One client connection; ``events`` is what its handlers were told, in order."""

    def __init__(self, server: GrpcServer, calls: list[Call], events: list[Any]) -> None:
        self.server = server
        self.calls = calls
        self.events = events
        self.wire = Wire()
        self.connection = Connection(server)
        self.connection.connection_made(self.wire)  # type: ignore[arg-type] # stands for it
        self._read = 0

    def greet(self, **settings: int) -> "Peer":
        """Send the preface and SETTINGS, and forget what came for it."""
        keys = {"initial_window": frames.SETTINGS_INITIAL_WINDOW_SIZE}
        self.feed(frames.PREFACE, frames.settings({keys[k]: v for k, v in settings.items()}))
        self.feed(frames.SETTINGS_ACK)
        self.received()
        return self

    def feed(self, *data: bytes) -> None:
        """Let the connection read these bytes at once."""
        self.connection.data_received(b"".join(data))

    def received(self) -> list[Frame]:
        """Return the frames that came since the last call of this."""
        data = bytes(self.wire.written[self._read :])
        self._read = len(self.wire.written)
        return parse(data)

    @property
    def raw(self) -> bytes:
        return bytes(self.wire.written)

    # -- what a client sends

    @staticmethod
    def head(stream_id: int, *, end: bool = False, fields: Any = REQUEST) -> bytes:
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        return frames.frame(frames.HEADERS, flags, stream_id, headers.encode(list(fields)))

    @staticmethod
    def data(stream_id: int, payload: bytes, *, end: bool = False) -> bytes:
        return frames.frame(frames.DATA, frames.END_STREAM if end else 0, stream_id, payload)

    @staticmethod
    def message(stream_id: int, message: bytes, *, end: bool = False) -> bytes:
        return Peer.data(stream_id, b"\0" + len(message).to_bytes(4, "big") + message, end=end)

    @staticmethod
    def ping() -> bytes:
        return frames.frame(frames.PING, 0, 0, b"12345678")


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """Makes servers and peers; ``clock`` is theirs."""

    Peer = Peer
    Echo = Echo
    Silent = Silent
    parse = staticmethod(parse)
    REQUEST = REQUEST

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls: list[Call] = []
        self.events: list[Any] = []

    def server(self, handler: type[Echo] = Echo, **limits: Any) -> GrpcServer:
        def start(call: Call) -> Handler:
            self.calls.append(call)
            return handler(call, self.events)

        methods = {b"/test.Echo/Echo": start}
        return GrpcServer(methods, limits=Limits(**limits), clock=self.clock)

    def new_peer(self, handler: type[Echo] = Echo, **limits: Any) -> Peer:
        """Return a peer that has not greeted yet."""
        return Peer(self.server(handler, **limits), self.calls, self.events)

    def peer(self, handler: type[Echo] = Echo, **limits: Any) -> Peer:
        return self.new_peer(handler, **limits).greet()

    def connect(self, server: GrpcServer) -> Peer:
        """Return one more peer of a server."""
        return Peer(server, self.calls, self.events).greet()

    @staticmethod
    async def turn() -> None:
        """Let the loop run what is due."""
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def new_bench() -> Callable[[], Bench]:
    """For tests that run many times with a fresh one."""
    return Bench
