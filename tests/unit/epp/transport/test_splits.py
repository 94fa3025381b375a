"""How the bytes of a peer are cut into reads changes nothing."""

import asyncio
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from epp.transport import frames
from epp.transport.frames import Error

IDS = st.sampled_from([0, 1, 1, 3, 3, 5, 2, 9])
SMALL = st.binary(max_size=40)


def frame(kind: int, flags: Any, payload: Any = SMALL) -> Any:
    return st.builds(frames.frame, st.just(kind), flags, IDS, payload)


MESSAGE = SMALL.map(lambda m: b"\0" + len(m).to_bytes(4, "big") + m)
DATA_FLAGS = st.sampled_from([0, 0, 0, frames.END_STREAM])
FRAMES = st.one_of(
    st.sampled_from(["head 1", "head 3", "head 5", "head 1 end", "split head 7"]),
    frame(frames.DATA, DATA_FLAGS, MESSAGE),
    frame(frames.DATA, DATA_FLAGS, MESSAGE),
    frame(frames.DATA, DATA_FLAGS, st.lists(MESSAGE, max_size=4).map(b"".join)),
    frame(frames.DATA, st.integers(0, 15)),
    st.builds(frames.window_update, IDS, st.integers(1, 100_000)),
    st.builds(frames.rst_stream, IDS, st.sampled_from(Error)),
    st.builds(frames.settings, st.dictionaries(st.integers(0, 8), st.integers(0, 70_000))),
    frame(frames.PING, st.just(0), st.binary(min_size=8, max_size=8)),
    frame(frames.PRIORITY, st.just(0), st.binary(min_size=4, max_size=6)),
    frame(frames.HEADERS, st.integers(0, 255)),
    frame(frames.CONTINUATION, st.integers(0, 255)),
    st.builds(frames.frame, st.integers(0, 255), st.integers(0, 255), IDS, SMALL),
)


def bytes_of(parts: list[Any], peer: Any) -> bytes:
    data = frames.PREFACE + frames.settings({})
    for part in parts:
        if part == "split head 7":
            block = peer.head(7)[frames.HEADER_BYTES :]
            data += frames.frame(frames.HEADERS, 0, 7, block[:20])
            data += frames.frame(frames.CONTINUATION, 0, 7, block[20:30])
            data += frames.frame(frames.CONTINUATION, frames.END_HEADERS, 7, block[30:])
        elif isinstance(part, str):
            _, stream_id, *end = part.split()
            data += peer.head(int(stream_id), end=bool(end))
        else:
            data += part
    return data


async def run(new_bench: Any, parts: list[Any], cuts: list[int]) -> tuple[Any, ...]:
    bench = new_bench()
    peer = bench.new_peer()
    data = bytes_of(parts, peer)
    places = sorted({cut % len(data) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        if start < end and not peer.wire.is_closed:
            peer.feed(data[start:end])
    await asyncio.sleep(0)
    state = (
        list(peer.connection.streams),
        peer.connection.sender.window,
        [
            (s.send_window, s.ungranted, s.unsent, s.partial)
            for s in peer.connection.streams.values()
        ],
        peer.server.buffered_bytes,
    )
    written, events, is_closed = peer.raw, list(bench.events), peer.wire.is_closed
    peer.connection.connection_lost(None)
    assert (peer.server.buffered_bytes, peer.server.open_streams) == (0, 0)
    return written, events, is_closed, state


def is_end_and_reset(one: Any, other: Any) -> bool:
    """Whether a call is ended and reset at once; the fifth byte holds the flags."""
    ends = isinstance(one, bytes) and one[3] == frames.DATA and one[4] & frames.END_STREAM
    return bool(ends) and other[5:9] == one[5:9] and other[3] == frames.RST_STREAM


@given(st.lists(FRAMES, max_size=25), st.lists(st.integers(0, 100_000), max_size=30))
@settings(max_examples=300, deadline=None)
async def test_any_cut_into_reads_gives_the_same_answers(
    new_bench: Any, parts: list[Any], cuts: list[int]
) -> None:
    # The one exception: an answer to a call that is reset in the same read is not written.
    assume(not any(map(is_end_and_reset, parts, parts[1:])))
    whole = await run(new_bench, parts, [])
    cut = await run(new_bench, parts, cuts)

    assert cut == whole


async def test_a_peer_that_sends_one_byte_at_a_time_is_served(bench: Any) -> None:
    peer = bench.new_peer()
    data = bytes_of(["head 1", peer.message(1, b"hello", end=True)], peer)

    for byte in data:
        peer.feed(bytes((byte,)))

    assert peer.events == [b"hello", "half-closed"]
