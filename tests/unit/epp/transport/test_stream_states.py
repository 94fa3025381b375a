"""Frames in the wrong state of their stream or connection (RFC 9113 sections 5.1 and 6)."""

from typing import Any

import pytest

from epp.transport import frames
from epp.transport.frames import Error


def resets(received: list[Any]) -> list[tuple[int, int]]:
    return [
        (frame.stream_id, int.from_bytes(frame.payload, "big"))
        for frame in received
        if frame.kind == frames.RST_STREAM
    ]


def goaways(received: list[Any]) -> list[tuple[int, int]]:
    return [
        (int.from_bytes(frame.payload[:4], "big"), int.from_bytes(frame.payload[4:8], "big"))
        for frame in received
        if frame.kind == frames.GOAWAY
    ]


async def test_data_after_the_end_resets_the_call_and_aborts_its_handler(bench: Any) -> None:
    peer = bench.peer(bench.Silent)

    peer.feed(peer.head(1), peer.message(1, b"x", end=True))
    peer.feed(peer.message(1, b"y"))

    assert resets(peer.received()) == [(1, Error.STREAM_CLOSED)]
    assert peer.events == [b"x", "half-closed", "aborted"]
    assert peer.server.open_streams == 0


async def test_a_call_ended_and_reset_in_one_read_is_half_closed_and_not_answered(
    bench: Any,
) -> None:
    peer = bench.peer()
    peer.feed(peer.head(1))
    peer.received()

    peer.feed(frames.frame(frames.DATA, frames.END_STREAM, 1), frames.rst_stream(1, Error.NO_ERROR))

    assert peer.events == ["half-closed"]
    assert peer.received() == []
    assert peer.server.open_streams == 0


async def test_a_handler_that_goes_on_after_the_end_is_told_of_the_reset(bench: Any) -> None:
    peer = bench.peer(bench.Silent)

    peer.feed(
        peer.head(1),
        frames.frame(frames.DATA, frames.END_STREAM, 1),
        frames.rst_stream(1, Error.CANCEL),
    )

    assert peer.events == ["half-closed", "aborted"]
    assert peer.server.open_streams == 0


async def test_only_open_calls_can_be_cancelled_too_often(bench: Any) -> None:
    peer = bench.peer(reset_burst=2, reset_rate=0.001)

    for stream_id in range(1, 41, 2):
        reset = frames.rst_stream(stream_id, Error.NO_ERROR)
        peer.feed(peer.head(stream_id), peer.message(stream_id, b"x", end=True) + reset + reset)
    assert goaways(peer.received()) == []
    for stream_id in range(41, 47, 2):
        peer.feed(peer.head(stream_id), frames.rst_stream(stream_id, Error.CANCEL))

    assert [code for _, code in goaways(peer.received())] == [Error.ENHANCE_YOUR_CALM]


async def test_data_on_a_call_that_both_have_ended_is_a_stream_error(bench: Any) -> None:
    peer = bench.peer()
    peer.feed(peer.head(1), peer.message(1, b"x", end=True))

    peer.feed(peer.data(1, b"y"))

    assert resets(peer.received()) == [(1, Error.STREAM_CLOSED)]


async def test_trailers_end_a_request(bench: Any) -> None:
    peer = bench.peer()

    peer.feed(peer.head(1), peer.message(1, b"x"), peer.head(1, end=True, fields=[(b"a", b"b")]))

    assert peer.events == [b"x", "half-closed"]


@pytest.mark.parametrize(
    ("fields", "end"), [([(b"a", b"b")], False), ([(b":path", b"/")], True), ([(b"A", b"b")], True)]
)
async def test_bad_trailers_reset_the_call(bench: Any, fields: Any, end: bool) -> None:
    peer = bench.peer()

    peer.feed(peer.head(1), peer.head(1, end=end, fields=fields))

    assert resets(peer.received()) == [(1, Error.PROTOCOL_ERROR)]
    assert peer.events == ["aborted"]


async def test_trailers_of_a_call_that_we_ended_are_no_fault(bench: Any) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    bench.calls[0].finish()

    peer.feed(peer.head(1, end=True, fields=[(b"a", b"b")]), peer.head(3))

    assert goaways(peer.received()) == []
    assert list(peer.connection.streams) == [3]


@pytest.mark.parametrize(
    ("sent", "body", "is_reset"), [(b"5", 5, False), (b"5", 4, True), (b"5", 6, True)]
)
async def test_a_declared_length_is_held_to(
    bench: Any, sent: bytes, body: int, is_reset: bool
) -> None:
    peer = bench.peer(bench.Silent)
    fields = [*bench.REQUEST, (b"content-length", sent)]

    peer.feed(peer.head(1, fields=fields), peer.data(1, bytes(body), end=True))

    assert resets(peer.received()) == ([(1, Error.PROTOCOL_ERROR)] if is_reset else [])


async def test_calls_beyond_the_limit_are_refused_so_that_they_can_be_tried_again(
    bench: Any,
) -> None:
    peer = bench.peer(bench.Silent, max_concurrent_streams=2)

    peer.feed(*(peer.head(i) for i in (1, 3, 5, 7)))
    assert resets(peer.received()) == [(5, Error.REFUSED_STREAM), (7, Error.REFUSED_STREAM)]

    peer.feed(frames.rst_stream(1, Error.CANCEL), peer.head(9))
    assert list(peer.connection.streams) == [3, 9]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (frames.frame(frames.DATA, 0, 0, b"x"), Error.PROTOCOL_ERROR),
        (frames.frame(frames.DATA, 0, 9, b"x"), Error.PROTOCOL_ERROR),
        (frames.frame(frames.DATA, 0, 2, b"x"), Error.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 0), Error.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 4), Error.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 3, b"\xff" * 9), Error.COMPRESSION_ERROR),
        (frames.frame(frames.HEADERS, 0x28, 3, b"\1abc"), Error.FRAME_SIZE_ERROR),
        (frames.frame(frames.HEADERS, 0x20, 3, b"\0\0\0\3\1"), Error.PROTOCOL_ERROR),
        (frames.frame(frames.CONTINUATION, 4, 1), Error.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 3) + frames.frame(0, 0, 1), Error.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 0, bytes(4)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 5, bytes(4)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 1, bytes(3)), Error.FRAME_SIZE_ERROR),
        (frames.frame(frames.PUSH_PROMISE, 4, 1, bytes(4)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.PING, 0, 1, bytes(8)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.PING, 0, 0, bytes(7)), Error.FRAME_SIZE_ERROR),
        (frames.frame(frames.GOAWAY, 0, 1, bytes(8)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.GOAWAY, 0, 0, bytes(7)), Error.FRAME_SIZE_ERROR),
        (frames.frame(frames.PRIORITY, 0, 0, bytes(5)), Error.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 1), Error.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, bytes(5)), Error.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, frames.ACK, 0, bytes(6)), Error.FRAME_SIZE_ERROR),
        (frames.settings({frames.SETTINGS_ENABLE_PUSH: 2}), Error.PROTOCOL_ERROR),
        (frames.settings({frames.SETTINGS_MAX_FRAME_SIZE: 16383}), Error.PROTOCOL_ERROR),
        (frames.settings({frames.SETTINGS_MAX_FRAME_SIZE: 2**24}), Error.PROTOCOL_ERROR),
        (frames.frame(frames.DATA, 0, 1, bytes(256 * 1024 + 1))[:9], Error.FRAME_SIZE_ERROR),
    ],
)
async def test_faults_that_end_the_connection(bench: Any, sent: bytes, error: Error) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    peer.received()

    peer.feed(sent)

    assert [code for _, code in goaways(peer.received())] == [error]
    assert peer.wire.is_closed
    assert peer.events == ["aborted"]
    # Whatever still comes is not looked at.
    peer.feed(peer.ping())
    assert peer.received() == []


@pytest.mark.parametrize(
    "sent",
    [
        frames.frame(0x77, 0xFF, 1, b"unknown type"),
        frames.frame(frames.GOAWAY, 0, 0, bytes(8)),
        frames.frame(frames.PRIORITY, 0, 9, bytes(5)),
        frames.settings({0x99: 1}),
        frames.frame(frames.SETTINGS, frames.ACK, 0),
        frames.frame(frames.PING, frames.ACK, 0, bytes(8)),
        frames.frame(frames.PING, frames.ACK, 0, b"draining"),
        b"\0\0\0\0\0\x80\0\0\1",  # the reserved bit of the stream id
    ],
)
async def test_what_must_be_ignored_is_ignored(bench: Any, sent: bytes) -> None:
    peer = bench.peer(bench.Silent)
    peer.feed(peer.head(1))
    peer.received()

    peer.feed(sent)
    peer.feed(peer.ping())

    assert peer.received()[-1].payload == b"12345678"
    assert peer.events == []


async def test_pings_are_answered(bench: Any) -> None:
    peer = bench.peer()

    peer.feed(peer.ping())

    assert peer.received() == [(frames.PING, frames.ACK, 0, b"12345678")]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nXX", b"\0"])
async def test_what_is_not_http2_is_turned_away(bench: Any, start: bytes) -> None:
    peer = bench.new_peer()

    peer.feed(start)

    assert [code for _, code in goaways(peer.received())] == [Error.PROTOCOL_ERROR]
    assert peer.wire.is_closed
