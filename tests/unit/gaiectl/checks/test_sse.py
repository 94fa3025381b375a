"""Event streams are read as strictly as the pickiest client reads them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.sse import Malformed, events

OBJECTS = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3)


@given(st.lists(OBJECTS, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_all_objects_of_a_good_stream_come_back(objects: list[dict[str, Any]], end: str) -> None:
    lines = [f"data: {json.dumps(value)}{end}{end}" for value in objects]
    stream = "".join(lines) + f"data: [DONE]{end}{end}"

    assert events(stream.encode()) == objects


@given(st.binary(max_size=100).filter(lambda some: b"[DONE]" not in some))
def test_garbage_is_named_and_never_a_crash(garbage: bytes) -> None:
    with pytest.raises(Malformed):
        events(garbage)


def test_comments_and_other_fields_are_let_pass() -> None:
    stream = b': ping\n\nevent: x\nid: 1\nretry: 5\ndata: {"a": 1}\n\ndata: [DONE]\n\n'

    assert events(stream) == [{"a": 1}]


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b"data: {}\n\n", "does not end with"),
        (b"", "does not end with"),
        (b"data: {}\n\ndata: [DONE]\n", "not ended by an empty line"),
        (b"data: [DONE]\n\ndata: {}\n\n", "something comes after"),
        (b"data: {\n\ndata: [DONE]\n\n", "not JSON"),
        (b"data: [1]\n\ndata: [DONE]\n\n", "not a JSON object"),
        (b'{"error": 1}\n\ndata: [DONE]\n\n', "not part of an event"),
        (b"data: \xff\n\n", "not UTF-8"),
    ],
)
def test_each_fault_of_a_stream_is_told(stream: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        events(stream)
