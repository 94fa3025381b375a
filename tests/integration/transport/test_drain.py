"""A drain under load: no call fails, whatever it was doing when the server began to leave."""

import threading
import time
from typing import Any, Self

import grpc
import pytest

from epp.transport import frames, tls

pytestmark = pytest.mark.parametrize("start", ["uvloop", "asyncio"], indirect=True)


class Load:
    """Clients in a loop, each with a channel of its own that may go to either server."""

    def __init__(self, addresses: list[str], count: int) -> None:
        self.failures: list[str] = []
        self.done = [0] * count
        self._target = "ipv4:" + ",".join(addresses)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]

    def _run(self, index: int) -> None:
        # Pick-first goes to the first address as long as that takes connections.
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._target, options=options) as channel:
            echo = channel.stream_stream(
                "/test/Slow" if index % 2 else "/test/Echo",
                request_serializer=None,
                response_deserializer=None,
            )
            while not self._stopping.is_set():
                try:
                    assert list(echo(iter([b"a", b"b" * 2000]), timeout=60)) == [b"a", b"b" * 2000]
                except grpc.RpcError as error:
                    self.failures.append(f"{error.code()}: {error.details()}")
                self.done[index] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def await_progress(self) -> None:
        """Wait until every client has finished some more calls."""
        wanted = [done + 3 for done in self.done]
        end = time.monotonic() + 120
        while any(done < want for done, want in zip(self.done, wanted, strict=True)):
            assert time.monotonic() < end, (self.done, self.failures[:3])
            time.sleep(0.01)


@pytest.mark.slow
def test_no_call_fails_when_a_server_under_load_drains(start: Any) -> None:
    """As the server does on SIGTERM: turn peers away, wait a moment, close the listener, drain."""
    for _ in range(3):
        leaving, staying = start(), start()
        with Load([leaving.address, staying.address], count=12) as load:
            load.await_progress()
            # Until the listener is closed, clients that were turned away come back, and are served.
            leaving.ask(lambda server: server.turn_away())
            load.await_progress()
            assert leaving.run(leaving.server.drain(60.0))
            load.await_progress()

        assert load.failures == []
        assert leaving.server.connections == set()


def test_a_call_that_is_open_when_the_drain_begins_runs_to_its_end(start: Any) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(peer.head(1) + peer.data(1, b"\0\0\0\0\1a"))
        peer.read_until(lambda kind, *_: kind == frames.DATA)
        drained = server.submit(server.server.drain(60.0))
        ping = peer.read_until(lambda kind, flags, *_: (kind, flags) == (frames.PING, 0))[3]
        # One more call, begun before the GOAWAY was read.
        peer.send(peer.head(3) + frames.frame(frames.PING, frames.ACK, 0, ping))
        peer.send(peer.data(3, b"\0\0\0\0\1b", end=True) + peer.data(1, b"\0\0\0\0\1c", end=True))

        answers = []
        try:
            while True:
                kind, flags, stream_id, payload = peer.read()
                if kind == frames.DATA:
                    answers.append((stream_id, payload[5:]))
                elif kind == frames.HEADERS and flags & frames.END_STREAM:
                    answers.append((stream_id, b"end"))
        except EOFError:
            pass
    assert answers == [(3, b"b"), (3, b"end"), (1, b"c"), (1, b"end")]
    assert drained.result(60)


@pytest.mark.parametrize("encryption", ["h2c", "tls"])
def test_idle_clients_leave_at_once(start: Any, encryption: str) -> None:
    server = start(tls=tls.self_signed() if encryption == "tls" else None)
    if encryption == "tls":
        import ssl  # noqa: PLC0415 - only here

        certificate = ssl.get_server_certificate(("127.0.0.1", server.port)).encode()
        channel = grpc.secure_channel(
            server.address,
            grpc.ssl_channel_credentials(certificate),
            options=[("grpc.ssl_target_name_override", "localhost")],
        )
    else:
        channel = grpc.insecure_channel(server.address)
    with channel:
        echo = channel.unary_unary("/test/Echo", None, None)
        assert echo(b"x", timeout=60) == b"x"

        assert server.run(server.server.drain(60.0))


def test_a_call_that_never_ends_is_left_when_the_time_is_over(start: Any) -> None:
    server = start()
    with start.RawPeer(server.port) as peer:
        peer.greet()
        peer.send(peer.head(1, b"/test/Silent"))
        start.wait_until(lambda: server.open_streams == 1)

        assert not server.run(server.server.drain(0.1))
        server.run(server.server.stop())

        assert server.open_streams == 0
        start.wait_until(lambda: start.Silent.open == 0)
