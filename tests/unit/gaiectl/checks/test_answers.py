"""Answers are accepted only if a client could use them."""

import json
from typing import Any

import pytest

from gaiectl.checks import answers
from gaiectl.checks.check import Failed
from gaiectl.checks.gateway import Answer

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def answer(body: Any, *, status: int = 200, kind: str = "application/json") -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("POST /x", status, {"content-type": kind}, [(0.1, raw)])


def stream(*chunks: dict[str, Any], kind: str = "text/event-stream") -> Answer:
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return answer(body.encode(), kind=kind)


TEXT = {"choices": [{"text": "hi", "finish_reason": None}]}
END = {"choices": [{"text": "", "finish_reason": "stop"}]}
LAST = {"choices": [], "usage": USAGE}


def test_a_good_completion_tells_its_tokens() -> None:
    assert answers.completion(answer({"choices": [{"text": "hi"}], "usage": USAGE})) == 4


def test_a_chat_that_only_thought_is_a_chat() -> None:
    body = {"choices": [{"message": {"content": None, "reasoning": "hm"}}], "usage": USAGE}

    assert answers.chat(answer(body)) == 4


def test_a_good_stream_tells_its_tokens() -> None:
    assert answers.stream(stream(TEXT, END, LAST)) == 4


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"choices": [{"text": ""}], "usage": USAGE}, "has no text"),
        ({"choices": [], "usage": USAGE}, "expected one choice"),
        ({"usage": USAGE}, "no list of choices"),
        ({"choices": [{"text": "hi"}]}, "carries no usage"),
        ({"choices": [{"text": "hi"}], "usage": {**USAGE, "total_tokens": 8}}, "does not add up"),
        ({"choices": [{"text": "hi"}], "usage": {"prompt_tokens": "3"}}, "not a count"),
        (b"<html>", "not JSON"),
        ([], "not a JSON object"),
    ],
)
def test_a_completion_that_nobody_could_use_fails(body: Any, said: str) -> None:
    with pytest.raises(Failed, match=said):
        answers.completion(answer(body))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (stream(TEXT, END), "carries no usage"),
        (stream(TEXT, LAST), "why the answer ended"),
        (stream(END, LAST), "carries text"),
        (stream(TEXT, END, LAST, kind="application/json"), "content type"),
        (answer(b"data: {}\n\n", kind="text/event-stream"), "malformed"),
    ],
)
def test_a_stream_that_a_client_would_stumble_over_fails(bad: Answer, said: str) -> None:
    with pytest.raises(Failed, match=said):
        answers.stream(bad)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no endpoint"}}, "no endpoint"),
        (b"inference gateway: BadRequest - why", "inference gateway: BadRequest - why"),
    ],
)
def test_an_error_is_read_as_json_or_as_text(body: Any, message: str) -> None:
    assert answers.error_message(answer(body, status=503)) == message


@pytest.mark.parametrize("body", [b"", b" \n", {"error": "x"}, {"error": {"message": ""}}, {}])
def test_an_error_without_a_message_fails(body: Any) -> None:
    with pytest.raises(Failed, match="says nothing"):
        answers.error_message(answer(body, status=503))


def test_a_failure_says_what_came_back_and_from_whom() -> None:
    bad = Answer("POST /v1/x", 500, {}, [(0.1, b"out of\n memory")], endpoint="sim-1")

    with pytest.raises(Failed) as failed:
        bad.require()

    assert str(failed.value) == "expected 200; POST /v1/x: 500 by sim-1: out of memory"


def test_an_answer_that_was_cut_off_is_no_success() -> None:
    cut = Answer("GET /v1/x", 200, {}, [(0.1, b"half")], broken="ReadError")

    with pytest.raises(Failed, match="cut off \\(ReadError\\)"):
        cut.require()
