"""A server in a thread of its own, on a real socket, for clients that block."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Self

import pytest
import uvloop

from epp.transport import frames, headers
from epp.transport.call import Call, Handler, Methods
from epp.transport.limits import Limits
from epp.transport.server import GrpcServer

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE_SECONDS = 60.0


class Echo(Handler):
    """Answers each message with itself; counts the calls that are open."""

    open = 0

    def __init__(self, call: Call) -> None:
        self.call = call
        type(self).open += 1

    def message(self, data: bytes) -> None:
        self.call.send(data)

    def half_closed(self) -> None:
        type(self).open -= 1
        self.call.finish()

    def aborted(self) -> None:
        type(self).open -= 1

    def drain(self) -> None:
        pass


class Silent(Echo):
    """Never answers and never ends."""

    open = 0

    def message(self, data: bytes) -> None:
        pass

    def half_closed(self) -> None:
        pass


class Slow(Echo):
    """Answers the end of the request a moment later."""

    open = 0

    def half_closed(self) -> None:
        asyncio.get_running_loop().call_later(0.02, super().half_closed)


METHODS: Methods = {b"/test/Echo": Echo, b"/test/Silent": Silent, b"/test/Slow": Slow}


class RunningServer:
    """One ``GrpcServer`` and the thread that it runs in."""

    def __init__(
        self, loop: str, limits: Limits | None, tls: ssl.SSLContext | None, *, port: int
    ) -> None:
        self.failures: list[dict[str, Any]] = []
        self._loop = (uvloop if loop == "uvloop" else asyncio).new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self.run(self._start(limits, tls, port))
        self.port = self.server.port
        self.address = f"127.0.0.1:{self.port}"

    async def _start(
        self, limits: Limits | None, tls: ssl.SSLContext | None, port: int
    ) -> GrpcServer:
        server = GrpcServer(METHODS, limits=limits)
        await server.start("127.0.0.1", port, tls)
        return server

    def submit(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's loop and wait for it."""
        return self.submit(work).result(PATIENCE_SECONDS)

    def ask(self, question: Callable[[GrpcServer], Any]) -> Any:
        """Return what a function of the server says, run in its loop."""

        async def answer() -> Any:
            return question(self.server)

        return self.run(answer())

    def look(self) -> None:
        """Do what the server does every few seconds, now."""

        def check(server: GrpcServer) -> None:
            for connection in list(server.connections):
                connection.ending.check(server.clock())

        self.ask(check)

    @property
    def open_streams(self) -> int:
        return int(self.ask(lambda server: server.open_streams))

    @property
    def buffered_bytes(self) -> int:
        return int(self.ask(lambda server: server.buffered_bytes))

    def await_idle(self) -> None:
        """Wait until no call is open and nothing is buffered."""
        wait_until(lambda: (self.open_streams, self.buffered_bytes) == (0, 0))

    def stop(self) -> None:
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what has no event to wait for: the state of another thread."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


class RawPeer:
    """A client that is nothing but a socket."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE_SECONDS)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def greet(self, settings: dict[int, int] | None = None) -> Self:
        self.send(frames.PREFACE + frames.settings(settings or {}))
        self.read_until(lambda kind, flags, *_: (kind, flags) == (frames.SETTINGS, frames.ACK))
        return self

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def flood(self, data: bytes, *, at_most: int) -> int:
        """Send again and again until the server cuts the connection; return how often."""
        for count in range(at_most):
            try:
                self.socket.sendall(data)
            except OSError:
                return count
        raise AssertionError(f"the server took it {at_most} times")

    def send_until_stuck(self, data: bytes, *, at_most: int) -> int:
        """Send again and again until the server reads no more; return how many bytes went."""
        sent = 0
        try:
            while sent < at_most:
                self.socket.sendall(data)
                sent += len(data)
        except TimeoutError:
            return sent
        raise AssertionError(f"the server took {sent} bytes")

    def read(self) -> tuple[int, int, int, bytes]:
        """Return the next frame's type, flags, stream id and payload.

        Raises:
            EOFError: the server has closed.
        """
        header = self._take(frames.HEADER_BYTES)
        size, flags, stream_id = frames.unpack_header(header)
        return size & 0xFF, flags, stream_id, self._take(size >> 8)

    def _take(self, size: int) -> bytes:
        while len(self.rest) < size:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError
            self.rest += data
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def read_until(self, wanted: Callable[..., bool]) -> tuple[int, int, int, bytes]:
        while True:
            frame = self.read()
            if wanted(*frame):
                return frame

    def read_goaway(self) -> frames.Error:
        """Return the code of the GOAWAY that must come."""
        payload = self.read_until(lambda kind, *_: kind == frames.GOAWAY)[3]
        return frames.Error(int.from_bytes(payload[4:8], "big"))

    def await_close(self) -> None:
        """Read until the server closes."""
        try:
            while True:
                self.read()
        except EOFError:
            pass

    @staticmethod
    def head(stream_id: int, path: bytes = b"/test/Echo", *, end: bool = False) -> bytes:
        fields = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path),
            (b"content-type", b"application/grpc"),
        ]
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        # As a gRPC client that has taken the header table size of 0.
        block = b"\x20" + headers.encode(fields)
        return frames.frame(frames.HEADERS, flags, stream_id, block)

    @staticmethod
    def data(stream_id: int, payload: bytes, *, end: bool = False) -> bytes:
        return frames.frame(frames.DATA, frames.END_STREAM if end else 0, stream_id, payload)


class Start:
    """Starts servers, and what their tests need beside them."""

    RawPeer = RawPeer
    Echo, Silent, Slow = Echo, Silent, Slow
    wait_until = staticmethod(wait_until)
    patience_seconds = PATIENCE_SECONDS

    def __init__(self, loop: str) -> None:
        self._loop = loop
        self._running: list[RunningServer] = []

    def __call__(
        self, limits: Limits | None = None, tls: ssl.SSLContext | None = None, *, port: int = 0
    ) -> RunningServer:
        running = RunningServer(self._loop, limits, tls, port=port)
        self._running.append(running)
        return running

    def stop_all(self) -> None:
        for running in self._running:
            running.stop()
            assert running.failures == []
            assert running.server.buffered_bytes == 0


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start servers on uvloop, or on the loop that the test names by indirect parametrisation."""
    starting = Start(getattr(request, "param", "uvloop"))
    yield starting
    starting.stop_all()
