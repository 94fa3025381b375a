"""An answer is timed and counted the same, in whatever pieces it comes."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.perf.reading import Reading
from gaiectl.checks.perf.sample import BAD_ANSWER, BROKEN_STREAM, Sample

STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}\r\n\r\n'
WHOLE = event("a") + b": still here\n\n" + event("b") + event("", "length") + USAGE
DONE = b"data: [DONE]\n\n"


def read(body: bytes, *, streams: bool = True, status: int = 200, broken: str = "") -> Sample:
    reading = Reading(10.0, streams=streams)
    reading.begin(status, STREAM if streams else {"content-type": "application/json"})
    reading.hear(body, 11.0)
    return reading.end(12.0, [], broken)


@given(st.lists(st.integers(0, len(WHOLE + DONE)), max_size=12))
def test_a_stream_in_any_pieces_has_the_same_tokens(cuts: list[int]) -> None:
    body = WHOLE + DONE
    reading = Reading(0.0, streams=True)
    reading.begin(200, {**STREAM, "x-inference-pod": "pod-1"})
    edges = sorted({0, *cuts, len(body)})
    for number, (begin, end) in enumerate(itertools.pairwise(edges)):
        reading.hear(body[begin:end], float(number + 1))
    sample = reading.end(100.0, [])

    assert (sample.failure, sample.tokens_in, sample.tokens_out) == ("", 9, 3)
    assert sample.endpoint == "pod-1"
    assert len(sample.gaps) == 1
    assert sample.first is not None
    assert sample.first >= 1
    assert sample.seconds == 100


def test_times_are_from_token_to_token() -> None:
    reading = Reading(5.0, streams=True)
    reading.begin(200, STREAM)
    for now, piece in ((6.0, event("a")), (6.5, event("b") + event("c")), (8.5, event("d") + DONE)):
        reading.hear(piece, now)
    sample = reading.end(9.0, [])

    assert sample.first == 1.0
    assert list(sample.gaps) == [0.5, 0.0, 2.0]
    assert sample.tokens_out == 4  # counted, for nobody said


@pytest.mark.parametrize(
    ("body", "broken", "failure", "said"),
    [
        (WHOLE, "", BROKEN_STREAM, "without [DONE]"),
        (WHOLE, "the connection was closed", BROKEN_STREAM, "the connection was closed"),
        (DONE, "", BAD_ANSWER, "no token"),
        (event("a") + b"data: {oops\n\n", "", BAD_ANSWER, "no JSON"),
        (event("a") + b'data: {"error": {"message": "out of memory"}}\n\n', "", BROKEN_STREAM,
         "out of memory"),
        (event("a") + b"data: [" + b"[" * 100_000 + b"\n\n", "", BAD_ANSWER, "no JSON"),
        (b"data: " + b"x" * (1 << 21), "", BAD_ANSWER, "no end"),
        (b'data: {"choices": "none", "usage": 3}\n\n' + DONE, "", BAD_ANSWER, "no token"),
    ],
)  # fmt: skip
def test_a_stream_that_is_no_whole_answer_is_a_failure(
    body: bytes, broken: str, failure: str, said: str
) -> None:
    sample = read(body, broken=broken)

    assert sample.failure == failure
    assert said in sample.said
    assert sample.first is None
    assert not sample.gaps


def test_a_status_is_a_class_of_failure_and_says_what_the_server_said() -> None:
    sample = read(b'{"error": {"message": "too\\nmany\\u0007"}}', status=429, streams=False)
    plain = read(b"no healthy upstream", status=503)

    assert (sample.failure, sample.said) == ("429", "too many")
    assert (plain.failure, plain.said) == ("503", "no healthy upstream")
    assert len(read(b"x" * 100_000, status=500).said) <= 200


def test_an_answer_that_comes_as_a_whole_has_no_first_token() -> None:
    body = {"choices": [{"text": "a b"}], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    sample = read(json.dumps(body).encode(), streams=False)

    assert (sample.failure, sample.first, sample.tokens_in, sample.tokens_out) == ("", None, 4, 2)
    assert read(b"<html>", streams=False).failure == BAD_ANSWER


def test_a_gateway_that_does_not_stream_is_found_out() -> None:
    reading = Reading(0.0, streams=True)
    reading.begin(200, {"content-type": "application/json"})
    reading.hear(b'{"choices": []}', 1.0)

    assert reading.is_hopeless
    assert reading.end(1.0, []).failure == BAD_ANSWER
