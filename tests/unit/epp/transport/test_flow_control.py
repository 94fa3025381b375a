"""Windows are kept in both directions (RFC 9113 section 5.2 and 6.9)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.transport import frames
from epp.transport.frames import Error

STREAM_WINDOW = 100_000
CONNECTION_WINDOW = 200_000
WINDOWS = {"stream_window": STREAM_WINDOW, "connection_window": CONNECTION_WINDOW}


def granted(received: list[Any], stream_id: int) -> int:
    return sum(
        int.from_bytes(frame.payload, "big")
        for frame in received
        if frame.kind == frames.WINDOW_UPDATE and frame.stream_id == stream_id
    )


def data_bytes(received: list[Any], stream_id: int) -> int:
    return sum(
        len(frame.payload)
        for frame in received
        if frame.kind == frames.DATA and frame.stream_id == stream_id
    )


def codes(received: list[Any], kind: int) -> list[int]:
    start = 4 if kind == frames.GOAWAY else 0
    return [
        int.from_bytes(frame.payload[start : start + 4], "big")
        for frame in received
        if frame.kind == kind
    ]


# -- what the peer may send ------------------------------------------------------------------------


async def test_the_windows_announced_are_those_enforced(bench: Any) -> None:
    peer = bench.new_peer(**WINDOWS)

    settings_frame, window_update = peer.received()

    assert frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: STREAM_WINDOW})[9:] in (
        settings_frame.payload
    )
    assert granted([window_update], 0) == CONNECTION_WINDOW - frames.DEFAULT_WINDOW


async def test_a_stream_may_use_its_window_to_the_last_byte(bench: Any) -> None:
    peer = bench.peer(bench.Silent, unsent_high_water=0, **WINDOWS)
    peer.feed(peer.head(1), peer.data(1, b"\0\0\7\0\0" + bytes(STREAM_WINDOW // 2 - 5)))
    assert granted(peer.received(), 1) == 0

    peer.feed(peer.data(1, bytes(STREAM_WINDOW // 2)))

    assert granted(peer.received(), 1) == STREAM_WINDOW


async def test_a_byte_beyond_the_stream_window_resets_the_stream(bench: Any) -> None:
    peer = bench.peer(bench.Silent, max_frame_bytes=256 * 1024, **WINDOWS)

    peer.feed(peer.head(1), peer.data(1, bytes(STREAM_WINDOW + 1)))

    assert codes(peer.received(), frames.RST_STREAM) == [Error.FLOW_CONTROL_ERROR]
    assert peer.events == ["aborted"]
    assert not peer.wire.is_closed


async def test_a_byte_beyond_the_connection_window_ends_the_connection(bench: Any) -> None:
    peer = bench.peer(bench.Silent, max_frame_bytes=256 * 1024, **WINDOWS)

    peer.feed(peer.head(1), peer.data(1, bytes(CONNECTION_WINDOW + 1)))

    assert codes(peer.received(), frames.GOAWAY) == [Error.FLOW_CONTROL_ERROR]
    assert peer.wire.is_closed


async def test_padding_counts(bench: Any) -> None:
    peer = bench.peer(bench.Silent, **WINDOWS)
    padded = frames.frame(
        frames.DATA, frames.PADDED, 1, bytes((255,)) + b"\0\0\0\0\1x" + bytes(255)
    )
    peer.feed(peer.head(1))
    peer.received()

    peer.feed(*[padded] * 200)

    received = peer.received()
    assert peer.events == [b"x"] * 200
    # More than half a window was used each time it was given back.
    frame_bytes = len(padded) - frames.HEADER_BYTES
    per_grant = (STREAM_WINDOW // 2 // frame_bytes + 1) * frame_bytes
    assert granted(received, 1) == per_grant


@pytest.mark.parametrize("ending", ["finished", "reset", "refused"])
async def test_data_of_a_call_that_is_over_gives_the_connection_window_back(
    bench: Any, ending: str
) -> None:
    peer = bench.peer(
        bench.Silent, max_concurrent_streams=0 if ending == "refused" else 10, **WINDOWS
    )
    peer.feed(peer.head(1))
    if ending == "finished":
        bench.calls[0].finish()
        await bench.turn()
    elif ending == "reset":
        peer.feed(peer.head(1))  # trailers without END_STREAM
    peer.received()

    for _ in range(50):
        peer.feed(peer.data(1, bytes(16384)))

    received = peer.received()
    assert granted(received, 0) > 50 * 16384 - CONNECTION_WINDOW
    assert codes(received, frames.RST_STREAM) == []
    assert not peer.wire.is_closed


async def test_a_call_whose_answers_are_left_unread_gets_no_new_window(bench: Any) -> None:
    peer = bench.new_peer(unsent_high_water=30_000, **WINDOWS).greet(initial_window=0)
    peer.feed(peer.head(1))
    for _ in range(10):
        peer.feed(peer.message(1, bytes(9_000)))
    assert granted(peer.received(), 1) == 0

    peer.feed(frames.window_update(1, 70_000))

    assert granted(peer.received(), 1) == 90_050


async def test_unsent_answers_over_all_calls_are_bounded(bench: Any) -> None:
    peer = bench.new_peer(max_buffered_bytes=50_000, **WINDOWS).greet(initial_window=0)
    peer.feed(peer.head(1), peer.message(1, bytes(30_000)))
    assert peer.server.buffered_bytes == 30_005
    peer.received()

    peer.feed(peer.head(3), peer.message(3, bytes(30_000)))
    await bench.turn()

    assert codes(peer.received(), frames.RST_STREAM) == [Error.ENHANCE_YOUR_CALM]
    assert peer.events[-1] == "aborted"
    assert peer.server.buffered_bytes == 30_005
    assert list(peer.connection.streams) == [1]


async def test_a_handler_that_finishes_its_overflowed_call_is_not_told_of_the_abort(
    bench: Any,
) -> None:
    class SendsTooMuch(bench.Silent):
        def message(self, data: bytes) -> None:
            self.call.send(bytes(30_000))
            self.call.finish()

    peer = bench.new_peer(SendsTooMuch, max_buffered_bytes=20_000).greet(initial_window=0)
    peer.feed(peer.head(1), peer.message(1, b"x"))
    await bench.turn()

    assert peer.events == []
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)


# -- what we may send ------------------------------------------------------------------------------


async def test_an_answer_waits_for_the_window_and_its_end_for_the_answer(bench: Any) -> None:
    peer = bench.new_peer().greet(initial_window=10)
    peer.feed(peer.head(1), peer.message(1, b"0123456789", end=True))
    first = peer.received()
    assert data_bytes(first, 1) == 10

    peer.feed(frames.window_update(1, 4))
    assert [frame.payload for frame in peer.received()] == [b"5678"]

    peer.feed(frames.window_update(1, 100))
    data, trailers = peer.received()
    assert data.payload == b"9"
    assert (trailers.kind, trailers.flags & frames.END_STREAM) == (frames.HEADERS, 1)
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)


async def test_a_finished_call_that_waits_for_window_takes_no_more_messages(bench: Any) -> None:
    class FinishesInMessage(bench.Echo):
        def message(self, data: bytes) -> None:
            super().message(data)
            self.call.finish()

    peer = bench.new_peer(FinishesInMessage).greet(initial_window=0)
    peer.feed(peer.head(1), peer.message(1, b"one"))

    peer.feed(peer.message(1, b"two"), peer.data(1, b"\0\0\0\0\5part"))
    peer.feed(peer.data(1, b"", end=True), frames.window_update(1, 1000))

    assert peer.events == [b"one"]
    assert codes(peer.received(), frames.RST_STREAM) == []
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)


async def test_a_changed_initial_window_moves_open_streams_also_below_zero(bench: Any) -> None:
    peer = bench.new_peer().greet(initial_window=100)
    peer.feed(peer.head(1), peer.message(1, bytes(195)))
    assert data_bytes(peer.received(), 1) == 100

    peer.feed(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 40}))  # window: -60
    peer.feed(frames.window_update(1, 60))  # window: 0
    assert data_bytes(peer.received(), 1) == 0

    peer.feed(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: 50}))  # window: 10
    assert data_bytes(peer.received(), 1) == 10


async def test_large_messages_are_cut_to_the_frames_that_the_peer_takes(bench: Any) -> None:
    peer = bench.new_peer().greet(initial_window=1_000_000)
    peer.feed(frames.window_update(0, 1_000_000), peer.head(1), peer.message(1, bytes(50_000)))

    sizes = [len(frame.payload) for frame in peer.received() if frame.kind == frames.DATA]
    assert sizes == [16384, 16384, 16384, 50_005 - 3 * 16384]


async def test_calls_that_share_a_short_connection_window_take_turns(bench: Any) -> None:
    peer = bench.new_peer().greet(initial_window=1_000_000)
    peer.feed(peer.head(1), peer.message(1, bytes(200_000)))  # uses up the 65,535 there are
    peer.feed(peer.head(3), peer.message(3, bytes(200_000)))
    peer.received()

    peer.feed(frames.window_update(0, 100_000))

    received = peer.received()
    shares = data_bytes(received, 1), data_bytes(received, 3)
    assert sum(shares) == 100_000
    assert abs(shares[0] - shares[1]) <= 2 * 16384


@pytest.mark.parametrize(
    ("sent", "error", "ends_connection"),
    [
        (frames.window_update(0, 0), Error.PROTOCOL_ERROR, True),
        (frames.window_update(0, frames.MAX_WINDOW), Error.FLOW_CONTROL_ERROR, True),
        (frames.window_update(1, 0), Error.PROTOCOL_ERROR, False),
        (frames.window_update(1, frames.MAX_WINDOW), Error.FLOW_CONTROL_ERROR, False),
        (frames.window_update(7, 1), Error.PROTOCOL_ERROR, True),
        (frames.window_update(2, 1), Error.PROTOCOL_ERROR, True),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\1"), Error.FRAME_SIZE_ERROR, True),
        (
            frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: frames.MAX_WINDOW + 1}),
            Error.FLOW_CONTROL_ERROR,
            True,
        ),
    ],
)
async def test_window_changes_against_the_rules(
    bench: Any, sent: bytes, error: Error, ends_connection: bool
) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    peer.received()

    peer.feed(sent)

    kind = frames.GOAWAY if ends_connection else frames.RST_STREAM
    assert codes(peer.received(), kind) == [error]
    assert peer.events == ["aborted"]
    assert peer.wire.is_closed == ends_connection


async def test_an_initial_window_that_overflows_an_open_stream_ends_the_connection(
    bench: Any,
) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1), frames.window_update(1, 1000))
    peer.received()

    peer.feed(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: frames.MAX_WINDOW}))

    assert codes(peer.received(), frames.GOAWAY) == [Error.FLOW_CONTROL_ERROR]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 3), st.integers(0, 40_000)),
        st.tuples(st.just("grant"), st.integers(0, 3), st.integers(1, 50_000)),
        st.tuples(st.just("grant all"), st.just(0), st.integers(1, 80_000)),
        st.tuples(st.just("initial"), st.just(0), st.integers(0, 60_000)),
        st.tuples(st.just("finish"), st.integers(0, 3), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=200, deadline=None)
async def test_we_never_send_more_than_the_windows_allow_and_everything_in_the_end(
    new_bench: Any, steps: list[tuple[str, int, int]]
) -> None:
    bench = new_bench()
    peer = bench.peer(bench.Silent)
    ids = [1, 3, 5, 7]
    peer.feed(*(peer.head(i, end=True) for i in ids))
    initial = connection_window = frames.DEFAULT_WINDOW
    windows = dict.fromkeys(ids, initial)
    owed = dict.fromkeys(ids, b"")
    got = dict.fromkeys(ids, b"")
    finished: set[int] = set()

    def account() -> None:
        nonlocal connection_window
        for frame in peer.received():
            if frame.kind == frames.DATA:
                got[frame.stream_id] += frame.payload
                windows[frame.stream_id] -= len(frame.payload)
                connection_window -= len(frame.payload)
                assert windows[frame.stream_id] >= 0
                assert connection_window >= 0
            elif frame.flags & frames.END_STREAM and frame.kind == frames.HEADERS:
                assert got[frame.stream_id] == owed[frame.stream_id]
                assert frame.stream_id in finished

    for what, index, amount in steps:
        stream_id = ids[index]
        if what == "send" and stream_id not in finished:
            body = bytes((stream_id,)) * amount
            owed[stream_id] += b"\0" + amount.to_bytes(4, "big") + body
            bench.calls[index].send(body)
        elif what == "grant":
            windows[stream_id] += amount
            peer.feed(frames.window_update(stream_id, amount))
        elif what == "grant all":
            connection_window += amount
            peer.feed(frames.window_update(0, amount))
        elif what == "initial":
            for each in ids:
                windows[each] += amount - initial
            initial = amount
            peer.feed(frames.settings({frames.SETTINGS_INITIAL_WINDOW_SIZE: amount}))
        elif what == "finish":
            finished.add(stream_id)
            bench.calls[index].finish()
        peer.connection.sender.flush()
        account()
        unsent = sum(len(owed[i]) - len(got[i]) for i in ids)
        assert peer.server.buffered_bytes == unsent

    # Nothing is held back that the windows allow.
    for stream_id in ids:
        waits = len(owed[stream_id]) > len(got[stream_id])
        assert not (waits and windows[stream_id] > 0 and connection_window > 0)
    peer.feed(frames.window_update(0, 10_000_000))
    for index, stream_id in enumerate(ids):
        peer.feed(frames.window_update(stream_id, 10_000_000))
        windows[stream_id] += 10_000_000
        finished.add(stream_id)
        bench.calls[index].finish()
    connection_window += 10_000_000
    peer.connection.sender.flush()
    account()
    assert got == owed
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)
