"""Drain, close, and peers that are slow or silent."""

from typing import Any

import pytest

from epp.transport import frames
from epp.transport.frames import Error

DRAIN_ACK = frames.frame(frames.PING, frames.ACK, 0, b"draining")
ALL = frames.MAX_STREAM_ID


def goaways(received: list[Any]) -> list[tuple[int, int]]:
    return [
        (int.from_bytes(frame.payload[:4], "big"), int.from_bytes(frame.payload[4:8], "big"))
        for frame in received
        if frame.kind == frames.GOAWAY
    ]


async def drain(bench: Any, peer: Any) -> list[Any]:
    peer.received()
    peer.connection.ending.drain()
    await bench.turn()
    received: list[Any] = peer.received()
    return received


async def test_a_drain_asks_for_no_more_calls_and_waits_for_what_is_on_its_way(bench: Any) -> None:
    peer = bench.peer()

    goaway, ping = await drain(bench, peer)

    assert goaways([goaway]) == [(ALL, Error.NO_ERROR)]
    assert (ping.kind, ping.flags) == (frames.PING, 0)
    assert not peer.wire.has_ended


async def test_a_call_begun_before_the_peer_saw_the_goaway_is_served(bench: Any) -> None:
    peer = bench.peer()
    _, ping = await drain(bench, peer)
    peer.feed(peer.head(1), peer.message(1, b"x"))
    peer.feed(frames.frame(frames.PING, frames.ACK, 0, ping.payload))
    await bench.turn()
    assert goaways(peer.received()) == [(1, Error.NO_ERROR)]
    assert not peer.wire.has_ended

    peer.feed(peer.message(1, b"y", end=True))
    await bench.turn()

    assert [frame.flags & frames.END_STREAM for frame in peer.received()] == [0, 1]
    assert peer.events == ["drain", b"x", b"y", "half-closed"]
    # Our bytes end; the close waits for the peer's.
    assert peer.wire.has_ended
    assert not peer.wire.is_closed


async def test_the_answer_to_another_ping_does_not_end_the_wait(bench: Any) -> None:
    peer = bench.peer()
    await drain(bench, peer)

    peer.feed(frames.frame(frames.PING, frames.ACK, 0, b"keepaliv"))
    await bench.turn()

    assert peer.received() == []


async def test_a_peer_that_does_not_answer_the_ping_is_not_waited_for(bench: Any) -> None:
    peer = bench.peer(goaway_seconds=0.0)
    peer.feed(peer.head(1, end=True))
    peer.received()

    peer.connection.ending.drain()
    await bench.turn()

    assert goaways(peer.received()) == [(ALL, Error.NO_ERROR), (1, Error.NO_ERROR)]
    assert peer.wire.has_ended


async def test_calls_after_the_last_goaway_are_not_served_and_no_fault(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    await drain(bench, peer)
    peer.feed(DRAIN_ACK)

    peer.feed(peer.head(3), peer.message(3, b"x"), peer.head(3, end=True))
    await bench.turn()

    assert goaways(peer.received()) == [(1, Error.NO_ERROR)]
    assert peer.events == ["drain"]
    # A later fault names no stream that was not served.
    peer.feed(frames.frame(frames.PING, 0, 0, b"short"))
    assert goaways(peer.received()) == [(1, Error.FRAME_SIZE_ERROR)]


async def test_a_drain_is_asked_for_once(bench: Any) -> None:
    peer = bench.peer()
    await drain(bench, peer)

    assert await drain(bench, peer) == []


async def test_a_peer_that_does_not_close_is_closed_after_a_while(bench: Any) -> None:
    peer = bench.peer(linger_seconds=0.0)
    await drain(bench, peer)

    peer.feed(DRAIN_ACK)
    await bench.turn()

    assert peer.wire.has_ended
    assert peer.wire.is_closed


async def test_a_drained_peer_that_reads_slowly_gets_its_answers_first(bench: Any) -> None:
    peer = bench.peer()
    peer.connection.pause_writing()
    await drain(bench, peer)
    peer.feed(DRAIN_ACK)
    await bench.turn()
    assert not peer.wire.has_ended

    peer.connection.resume_writing()
    await bench.turn()

    assert peer.wire.has_ended
    assert not peer.wire.is_aborted


async def test_handlers_are_told_of_a_drain_and_may_end_their_calls(bench: Any) -> None:
    class Leaves(bench.Echo):
        def drain(self) -> None:
            super().drain()
            self.call.finish(14, "shutting down")

    peer = bench.peer(Leaves)
    peer.feed(peer.head(1), peer.head(3))

    peer.connection.ending.drain()
    peer.feed(DRAIN_ACK, peer.head(5))
    await bench.turn()

    assert peer.events == ["drain", "drain"]
    assert peer.server.open_streams == 0
    assert peer.wire.has_ended


async def test_a_server_that_turns_peers_away_still_serves_new_ones(bench: Any) -> None:
    server = bench.server()
    old = bench.connect(server)

    server.turn_away()
    new = bench.connect(server)
    new.feed(new.head(1), new.message(1, b"x", end=True))
    await bench.turn()

    assert goaways(old.received()) == [(ALL, Error.NO_ERROR)]
    assert goaways(new.received()) == []
    assert bench.events == [b"x", "half-closed"]


async def test_a_peer_that_connects_during_the_drain_is_turned_away_too(bench: Any) -> None:
    server = bench.server()
    assert await server.drain(0.0)

    late = bench.Peer(server, bench.calls, bench.events)
    await bench.turn()

    assert goaways(late.received()) == [(ALL, Error.NO_ERROR)]


async def test_a_drain_says_whether_every_connection_ended_in_time(bench: Any) -> None:
    peer = bench.peer()

    assert not await peer.server.drain(0.01)
    peer.connection.connection_lost(None)
    assert await peer.server.drain(0.01)


# -- peers that are slow or silent -----------------------------------------------------------------


async def test_a_peer_without_settings_is_given_up(bench: Any) -> None:
    peer = bench.new_peer(handshake_seconds=10.0)
    peer.feed(frames.PREFACE[:10])
    peer.received()

    peer.connection.ending.check(bench.clock.now + 9)
    assert not peer.wire.is_closed
    peer.connection.ending.check(bench.clock.now + 11)

    assert goaways(peer.received()) == [(0, Error.SETTINGS_TIMEOUT)]
    assert peer.wire.is_closed


async def test_a_silent_peer_is_asked_whether_it_lives_and_closed_without_an_answer(
    bench: Any,
) -> None:
    peer = bench.peer(bench.Silent, keepalive_seconds=60.0)
    peer.feed(peer.head(1))
    peer.received()
    start = bench.clock.now

    peer.connection.ending.check(start + 59)
    await bench.turn()
    assert peer.received() == []
    peer.connection.ending.check(start + 61)
    await bench.turn()
    assert [frame.kind for frame in peer.received()] == [frames.PING]
    peer.connection.ending.check(start + 120)
    assert not peer.wire.is_aborted
    peer.connection.ending.check(start + 122)
    assert peer.wire.is_aborted


async def test_a_silent_peer_that_answers_stays(bench: Any) -> None:
    peer = bench.peer(keepalive_seconds=60.0)
    for minute in range(1, 20, 2):
        peer.server.now = bench.clock.now + minute * 61
        peer.connection.ending.check(peer.server.now)
        await bench.turn()
        assert [frame.kind for frame in peer.received()] == [frames.PING]
        peer.feed(frames.frame(frames.PING, frames.ACK, 0, b"keepaliv"))

    assert not peer.wire.is_aborted


async def test_while_the_peer_does_not_read_we_do_not_either(bench: Any) -> None:
    peer = bench.peer()

    peer.connection.pause_writing()
    assert peer.wire.is_reading_paused
    peer.connection.resume_writing()
    assert not peer.wire.is_reading_paused


async def test_a_peer_that_never_reads_is_cut_off(bench: Any) -> None:
    peer = bench.peer(stalled_seconds=60.0)
    peer.connection.pause_writing()

    peer.connection.ending.check(bench.clock.now + 59)
    assert not peer.wire.is_aborted
    peer.connection.ending.check(bench.clock.now + 61)

    assert peer.wire.is_aborted


@pytest.mark.parametrize("is_paused", [False, True])
async def test_a_closed_connection_does_not_wait_for_ever_for_the_peer(
    bench: Any, is_paused: bool
) -> None:
    peer = bench.peer(bench.Silent, handshake_seconds=10.0)
    peer.feed(peer.head(1))
    if is_paused:
        peer.connection.pause_writing()

    peer.connection.ending.close()

    assert peer.events == ["aborted"]
    assert (peer.wire.is_closed, peer.wire.is_aborted) == (True, False)
    peer.connection.ending.check(bench.clock.now + 11)
    assert peer.wire.is_aborted
