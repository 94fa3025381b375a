"""Answers that do not end are given up."""

from collections.abc import Iterator

import httpx
import pytest

from gaiectl.cluster.bodies import TooLong, whole


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


def answer(body: Iterator[bytes] | bytes) -> httpx.Response:
    return httpx.Response(200, content=body)


def test_an_answer_is_read_to_its_end() -> None:
    assert whole(answer(b"all"), most_bytes=3, seconds=9) == b"all"


def test_one_that_is_too_large_is_given_up() -> None:
    with pytest.raises(TooLong, match="more than 5000 bytes"):
        whole(answer(endless()), most_bytes=5000, seconds=9)


def test_one_that_comes_byte_by_byte_is_given_up() -> None:
    with pytest.raises(TooLong, match="not answered as a whole after 0 s"):
        whole(answer(endless()), most_bytes=1 << 30, seconds=0)
