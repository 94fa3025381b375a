"""The shapes of OpenAI's API, as far as the checks rely on them. Pure.

Every function raises ``Failed`` when the answer has another shape.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl.checks import sse
from gaiectl.checks.check import Failed
from gaiectl.checks.gateway import Answer


def completion_tokens(body: Mapping[str, Any]) -> int:
    """Return the completion tokens after making sure that the usage adds up."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        raise Failed(f"the answer carries no usage: {sorted(body)}")
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    prompt, generated, total = (_count(usage, name) for name in names)
    if prompt + generated != total:
        raise Failed(f"the usage does not add up: {prompt} + {generated} is not {total}")
    return generated


def completion(answer: Answer) -> int:
    """Return the tokens of a whole text completion."""
    body = answer.require().json()
    if not _choice(body).get("text"):
        raise Failed(f"the completion has no text; {answer.described()}")
    return completion_tokens(body)


def chat(answer: Answer) -> int:
    """Return the tokens of a whole chat completion."""
    body = answer.require().json()
    message = _choice(body).get("message")
    if not isinstance(message, dict) or not _said(message):
        raise Failed(f"the message has no content; {answer.described()}")
    return completion_tokens(body)


def stream(answer: Answer) -> int:
    """Return the tokens of a stream that was asked for its usage (text or chat)."""
    answer.require()
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("text/event-stream"):
        raise Failed(f"the content type is {kind!r}, not text/event-stream; {answer.described()}")
    try:
        chunks = sse.events(answer.body)
    except sse.Malformed as error:
        raise Failed(f"the event stream is malformed: {error}") from error
    if not any(_has_text(chunk) for chunk in chunks):
        raise Failed(f"none of the {len(chunks)} events carries text")
    if not any(choice.get("finish_reason") for chunk in chunks for choice in _choices(chunk)):
        raise Failed("no event says why the answer ended (finish_reason)")
    last = chunks[-1]
    if not isinstance(last.get("usage"), dict):
        raise Failed("the last event carries no usage, though include_usage was asked for")
    return completion_tokens(last)


def error_message(answer: Answer) -> str:
    """Return what an error says: OpenAI's ``error.message``, or the plain text of the picker."""
    text = " ".join(answer.text.split())
    if text.startswith("{"):
        error = answer.json().get("error")
        text = str(error.get("message", "")) if isinstance(error, dict) else ""
    if not text.strip():
        raise Failed(f"the error says nothing; {answer.described()}")
    return text


def _choices(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Failed(f"the answer has no list of choices: {sorted(body)}")
    return choices


def _choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = _choices(body)
    if len(choices) != 1:
        raise Failed(f"expected one choice, got {len(choices)}")
    return choices[0]


def _has_text(chunk: Mapping[str, Any]) -> bool:
    return any(
        choice.get("text") or (isinstance(choice.get("delta"), dict) and _said(choice["delta"]))
        for choice in _choices(chunk)
    )


def _said(message: Mapping[str, Any]) -> bool:
    # Reasoning models may spend all tokens on their thoughts.
    return any(message.get(name) for name in ("content", "reasoning", "reasoning_content"))


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    if not isinstance(value, int) or value < 0:
        raise Failed(f"{name} of the usage is not a count: {dict(usage)}")
    return value
