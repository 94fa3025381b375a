"""Lines come out whole, however the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.discovery.kubernetes.lines import Lines, LineTooLong


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_lines_do_not_depend_on_how_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    whole = Lines(1000).feed(data)
    lines = Lines(1000)
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]

    assert [line for piece in pieces for line in lines.feed(piece)] == whole


def test_a_line_without_end_is_given_up() -> None:
    lines = Lines(10)
    assert lines.feed(b"1234567890\n12345") == [b"1234567890"]
    with pytest.raises(LineTooLong, match="more than 10 bytes"):
        lines.feed(b"678901")
