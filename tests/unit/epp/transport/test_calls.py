"""What a handler is told of its call, and what the peer gets of its answers."""

import gc
import logging
import weakref
from typing import Any

import pytest
from hpack import Decoder

from epp.transport import frames
from epp.transport.call import Call
from epp.transport.frames import Error


def status_of(frame: Any) -> dict[str, str]:
    assert (frame.kind, frame.flags) == (frames.HEADERS, frames.END_HEADERS | frames.END_STREAM)
    return dict(Decoder().decode(frame.payload))


async def test_messages_are_answered_and_the_end_with_trailers(bench: Any) -> None:
    peer = bench.peer()

    peer.feed(peer.head(1), peer.message(1, b"one"), peer.message(1, b"two", end=True))

    table_size, head, one, two, trailers = peer.received()
    assert table_size.kind == frames.SETTINGS
    assert (head.kind, head.flags) == (frames.HEADERS, frames.END_HEADERS)
    assert one.payload == b"\0\0\0\0\3one"
    assert two.payload == b"\0\0\0\0\3two"
    assert status_of(trailers) == {"grpc-status": "0"}
    assert peer.events == [b"one", b"two", "half-closed"]
    assert peer.connection.streams == {}


async def test_what_one_read_causes_leaves_in_one_write(bench: Any) -> None:
    peer = bench.peer()
    before = peer.wire.writes

    peer.feed(*(peer.head(i) + peer.message(i, b"x", end=True) for i in range(1, 41, 2)))

    assert peer.wire.writes == before + 1


async def test_messages_split_and_joined_in_any_way_arrive_whole(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    sent = [b"", b"a", b"b" * 1000, b"", b"c" * 70000]
    body = b"".join(b"\0" + len(m).to_bytes(4, "big") + m for m in sent)

    peer.feed(peer.head(1))
    for start in range(0, len(body), 997):
        peer.feed(peer.data(1, body[start : start + 997]))

    assert peer.events == sent
    assert peer.server.buffered_bytes == 0


async def test_an_answer_may_come_later(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1), peer.message(1, b"x", end=True))
    peer.received()

    bench.calls[0].send(b"late")
    bench.calls[0].send(b"later")
    bench.calls[0].finish()
    writes = peer.wire.writes
    await bench.turn()

    assert [f.payload for f in peer.received() if f.kind == frames.DATA] == [
        b"\0\0\0\0\4late",
        b"\0\0\0\0\5later",
    ]
    assert peer.wire.writes == writes + 1


async def test_an_unknown_method_is_unimplemented(bench: Any) -> None:
    peer = bench.peer()
    fields = [(n, b"/no.Such/Method" if n == b":path" else v) for n, v in bench.REQUEST]

    peer.feed(peer.head(1, fields=fields), peer.message(1, b"x"))

    trailers, reset = peer.received()[1:]
    assert status_of(trailers)["grpc-status"] == "12"
    assert reset.payload == Error.NO_ERROR.to_bytes(4, "big")
    assert peer.server.open_streams == 0


async def test_a_call_that_ends_early_tells_the_peer_to_stop_sending(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1), peer.message(1, b"x"))
    peer.received()

    bench.calls[0].finish(8, "enough")
    await bench.turn()

    trailers, reset = peer.received()
    assert status_of(trailers) | {":status": "200"} == {
        ":status": "200",
        "content-type": "application/grpc",
        "grpc-status": "8",
        "grpc-message": "enough",
    }
    assert (reset.kind, reset.payload) == (frames.RST_STREAM, bytes(4))
    # What was on its way is ignored without a word.
    peer.feed(peer.message(1, b"more"), peer.message(1, b"last", end=True))
    assert peer.received() == []
    assert peer.events == [b"x"]


async def test_no_reset_follows_when_the_peer_has_ended_too(bench: Any) -> None:
    class FinishesInMessage(bench.Echo):
        def message(self, data: bytes) -> None:
            self.call.finish()

    peer = bench.peer(FinishesInMessage)
    peer.feed(peer.head(1), peer.message(1, b"x", end=True))

    assert [frame.kind for frame in peer.received()] == [frames.SETTINGS, frames.HEADERS]
    assert peer.events == []


async def test_a_handler_may_finish_before_it_exists(bench: Any) -> None:
    class FinishesAtOnce(bench.Echo):
        def __init__(self, call: Call, events: list[Any]) -> None:
            super().__init__(call, events)
            call.send(b"hello")
            call.finish(14, "busy")

    peer = bench.peer(FinishesAtOnce)
    peer.feed(peer.head(1), peer.message(1, b"x", end=True))

    assert peer.events == []
    assert status_of(peer.received()[3])["grpc-status"] == "14"
    assert peer.server.open_streams == 0


async def test_after_its_end_a_call_can_be_asked_anything(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    call = bench.calls[0]
    call.finish()
    await bench.turn()
    peer.received()

    call.send(b"x")
    call.finish(13, "again")
    await bench.turn()

    assert peer.received() == []


async def test_a_reset_aborts_the_call_once(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1), peer.message(1, b"x"))

    peer.feed(frames.rst_stream(1, Error.CANCEL), frames.rst_stream(1, Error.CANCEL))
    bench.calls[0].send(b"into the void")
    peer.connection.connection_lost(None)

    assert peer.events == [b"x", "aborted"]


async def test_a_lost_connection_aborts_every_call(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1), peer.head(3, end=True), peer.head(5), peer.data(5, b"\0\0\0\0\7half"))
    assert peer.server.buffered_bytes == 9

    peer.connection.connection_lost(ConnectionResetError())

    assert peer.events == ["half-closed", "aborted", "aborted", "aborted"]
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)
    assert peer.server.connections == set()


async def test_an_abort_may_wake_other_calls_of_the_same_dying_connection(bench: Any) -> None:
    class WakesTheNext(bench.Silent):
        def aborted(self) -> None:
            super().aborted()
            for call in bench.calls:
                call.send(b"x" * 100_000)
                call.finish()

    peer = bench.peer(WakesTheNext)
    peer.feed(peer.head(1), peer.head(3), peer.head(5))

    peer.connection.connection_lost(None)
    await bench.turn()

    assert peer.events == ["aborted"]
    assert peer.server.buffered_bytes == 0


@pytest.mark.parametrize("where", ["__init__", "message", "split message", "half_closed", "drain"])
async def test_a_handler_that_raises_ends_its_call_with_internal(
    bench: Any, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    class Fails(bench.Silent):
        def __init__(self, call: Call, events: list[Any]) -> None:
            super().__init__(call, events)
            if where == "__init__":
                raise RuntimeError(where)

        def message(self, data: bytes) -> None:
            if "message" in where:
                raise RuntimeError(where)

        def half_closed(self) -> None:
            raise RuntimeError(where)

        def drain(self) -> None:
            raise RuntimeError(where)

    peer = bench.peer(Fails)
    with caplog.at_level(logging.CRITICAL, "transport"):
        peer.feed(peer.head(1))
        if where == "split message":
            peer.feed(peer.data(1, b"\0\0\0"), peer.data(1, b"\0\2ab\0"))
        elif where == "drain":
            peer.connection.ending.drain()
            await bench.turn()
        else:
            peer.feed(peer.message(1, b"x"), peer.data(1, b"", end=True))

    trailers = [f for f in peer.received() if f.kind == frames.HEADERS]
    assert [status_of(frame)["grpc-status"] for frame in trailers] == ["13"]
    assert peer.events == ([] if where == "__init__" else ["aborted"])
    assert (peer.server.open_streams, peer.server.buffered_bytes) == (0, 0)
    assert not peer.wire.is_closed


async def test_an_abort_that_raises_harms_nobody_else(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails(bench.Silent):
        def aborted(self) -> None:
            super().aborted()
            raise RuntimeError

    peer = bench.peer(Fails)
    peer.feed(peer.head(1), peer.head(3))
    with caplog.at_level(logging.CRITICAL, "transport"):
        peer.connection.connection_lost(None)

    assert peer.events == ["aborted", "aborted"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"\1\0\0\0\1x", "12", "compressed messages are not supported"),
        (b"\0\0\0\0\5x", "13", "the last message is incomplete"),
        (b"\0\0\0\0", "13", "the last message is incomplete"),
        (b"\0\0\0\4\1" + bytes(1025), "8", "message of 1025 bytes is larger than the limit"),
        (b"\0\0\0\0\1a\0\x7f\0\0\0", "8", "larger than the limit of 1024 bytes"),
    ],
)
async def test_a_message_against_the_rules_ends_the_call_and_aborts_its_handler(
    bench: Any, body: bytes, status: str, message: str
) -> None:
    peer = bench.peer(bench.Silent, max_message_bytes=1024)

    peer.feed(peer.head(1), peer.data(1, body, end=True))

    answer = status_of(peer.received()[1])
    assert answer["grpc-status"] == status
    assert message in answer["grpc-message"]
    assert peer.events[-1] == "aborted"
    assert peer.server.buffered_bytes == 0


async def test_what_is_incomplete_over_all_calls_is_bounded(bench: Any) -> None:
    server = bench.server(bench.Silent, max_buffered_bytes=10_000)
    peers = [bench.connect(server) for _ in range(2)]
    start = b"\0\0\1\0\0"
    for peer in peers:
        peer.feed(peer.head(1), peer.data(1, start + bytes(4000)))
    assert server.buffered_bytes == 8010
    peers[0].received()

    peers[0].feed(peers[0].data(1, bytes(2500)))

    assert status_of(peers[0].received()[0])["grpc-status"] == "8"
    assert bench.events == ["aborted"]
    assert server.buffered_bytes == 4005


async def test_an_ended_call_is_freed_without_the_garbage_collector(bench: Any) -> None:
    """A reference cycle per call would cost a collection for every few hundred calls."""

    class Weak(bench.Echo):
        def __init__(self, call: Call, events: list[Any]) -> None:
            super().__init__(call, events)
            alive.add(self)

    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    peer = bench.peer(Weak)
    gc.disable()
    try:
        for stream_id in range(1, 21, 2):
            peer.feed(peer.head(stream_id), peer.message(stream_id, b"x"))
        assert len(alive) == 10
        bench.calls.clear()
        for stream_id in range(1, 11, 2):
            peer.feed(peer.data(stream_id, b"", end=True))
        for stream_id in range(11, 21, 2):
            peer.feed(frames.rst_stream(stream_id, Error.CANCEL))
        assert len(alive) == 0
    finally:
        gc.enable()


async def test_a_plain_http_request_is_told_what_this_port_speaks(bench: Any) -> None:
    peer = bench.peer()
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b"te", b"trailers")]

    peer.feed(peer.head(1, end=True, fields=fields))

    head, body, end = peer.received()
    assert dict(Decoder().decode(head.payload))[":status"] == "415"
    assert body.payload == b"this port speaks gRPC only\n"
    assert (end.flags, end.payload) == (frames.END_STREAM, b"")
    assert peer.server.open_streams == 0
