"""HTTP/1.1 answers are put together from any pieces, and what is none is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.datalayer.http1 import (
    MOST_BODY_BYTES,
    BadResponse,
    Response,
    ResponseReader,
    ResponseTooLarge,
)

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def answer(data: bytes) -> Response | None:
    return ResponseReader().feed(data)


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def plain(body: bytes, *fields: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((line, *fields, length, b"", b"")) + body


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (plain(b"abc"), Response(200, b"abc", True)),
        (plain(b"", line=b"HTTP/1.1 500 X"), Response(500, b"", True)),
        (plain(b"abc", b"Connection: close"), Response(200, b"abc", False)),
        (plain(b"abc", line=b"HTTP/1.0 200 OK"), Response(200, b"abc", False)),
        (plain(b"a", b"connection: Keep-Alive", line=b"HTTP/1.0 200"), Response(200, b"a", True)),
        (b"HTTP/1.1 204 X\r\n\r\n", Response(204, b"", True)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"abc"), Response(200, b"abc", True)),
        (plain(b"abc") + b"more", Response(200, b"abc", False)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunked(b"ab", b"c" * 20),
            Response(200, b"ab" + b"c" * 20, True),
        ),
        (
            CHUNKED + b"2;ext=1\r\nab\r\n0\r\nTrailer: x\r\n\r\n",
            Response(200, b"ab", True),
        ),
    ],
)
def test_an_answer_is_read_whole_or_byte_by_byte(data: bytes, expected: Response) -> None:
    assert answer(data) == expected
    if data.endswith(b"more"):
        return
    reader = ResponseReader()
    pieces = [reader.feed(data[i : i + 1]) for i in range(len(data))]

    assert pieces[-1] == expected
    assert pieces[:-1] == [None] * (len(data) - 1)


def test_a_body_without_length_ends_with_the_connection() -> None:
    reader = ResponseReader()

    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nab") is None
    assert reader.feed(b"c") is None
    assert reader.end() == Response(200, b"abc", False)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", plain(b"abc")[:-1]])
def test_an_answer_that_is_cut_off_is_none(data: bytes) -> None:
    reader = ResponseReader()
    reader.feed(data)

    assert reader.end() is None
    assert reader.is_untouched == (data == b"")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 tls\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        b"a" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        answer(data)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\n\r\n" % (MOST_BODY_BYTES + 1),
        b"Content-Length: " + b"9" * 18 + b"\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MOST_BODY_BYTES + 1),
        b"\r\n" + b"x" * (MOST_BODY_BYTES + 1),
    ],
)
def test_an_endless_body_is_refused_before_it_is_stored(head: bytes) -> None:
    with pytest.raises(ResponseTooLarge):
        answer(b"HTTP/1.1 200 OK\r\n" + head)


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_whatever_the_bytes_are_the_end_is_an_answer_none_or_a_refusal(
    pieces: list[bytes],
) -> None:
    reader = ResponseReader()
    try:
        for piece in (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces):
            if reader.feed(piece) is not None:
                break
    except BadResponse:
        pass


@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=5),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_how_an_answer_is_cut_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*parts)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    reader = ResponseReader()
    answers = [reader.feed(data[start:end]) for start, end in pairwise(places) if end > start]

    assert answers[-1] == Response(200, b"".join(parts), True)
