"""Hears an answer piece by piece, and says in the end what it came to. Pure: it has no clock."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl.checks.gateway import answered_by
from gaiectl.checks.perf.sample import BAD_ANSWER, BROKEN_STREAM, Sample
from gaiectl.checks.target import Endpoint

_LONGEST_LINE = 1 << 20
_LONGEST_BODY = 1 << 24
_LONGEST_ERROR = 1 << 14
_SHOWN = 160


class Reading:
    """The answer to one request.

    Args:
        began: when the request was sent, on the clock of all times given.
        streams: token by token was asked for.
    """

    def __init__(self, began: float, *, streams: bool) -> None:
        self._began = began
        self._streams = streams
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._rest = bytearray()
        self._last: float | None = None
        self._first: float | None = None
        self._gaps: list[float] = []
        self._usage: Mapping[str, Any] = {}
        self._is_done = False
        self._fault = ("", "")

    @property
    def has_begun(self) -> bool:
        """Anything of an answer has come."""
        return self._status != 0

    @property
    def is_hopeless(self) -> bool:
        """Nothing that could still come would make it a good answer."""
        return bool(self._fault[0])

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Hear the head: header names are lower-case."""
        self._status, self._headers = status, headers
        kind = headers.get("content-type", "")
        if status == 200 and self._streams and not kind.startswith("text/event-stream"):
            self._fault = (BAD_ANSWER, f"a stream was asked for, {kind or 'nothing'} came")

    def hear(self, data: bytes | bytearray, now: float) -> None:
        """Hear a piece of the body."""
        if self._fault[0]:
            return
        self._rest += data
        if self._status != 200:
            del self._rest[_LONGEST_ERROR:]
        elif self._streams:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    self._event(bytes(line[5:]).strip(), now)
            if len(self._rest) > _LONGEST_LINE:
                self._fault = (BAD_ANSWER, "an event of the stream has no end")
        elif len(self._rest) > _LONGEST_BODY:
            self._fault = (BAD_ANSWER, "the answer has no end")

    def end(self, now: float, endpoints: Sequence[Endpoint], broken: str = "") -> Sample:
        """Say what it came to.

        Args:
            now: the time of the last byte.
            endpoints: who may have answered.
            broken: what ended it before its time.
        """
        failure, said = self._judged(broken)
        given = self._usage.get
        return Sample(
            seconds=now - self._began,
            first=self._first if not failure else None,
            gaps=self._gaps if not failure else (),
            tokens_in=_count(given("prompt_tokens")),
            tokens_out=_count(given("completion_tokens")) or len(self._gaps) + bool(self._first),
            endpoint=answered_by(self._headers, endpoints),
            failure=failure,
            said=_printable(said),
        )

    def _judged(self, broken: str) -> tuple[str, str]:
        if self._fault[0]:
            return self._fault
        if self._status != 200:
            return str(self._status), _message(bytes(self._rest))
        if broken:
            return BROKEN_STREAM, broken
        if not self._streams:
            return self._whole()
        if not self._is_done:
            return BROKEN_STREAM, "it ended without [DONE]"
        if self._first is None:
            return BAD_ANSWER, "the stream has no token"
        return "", ""

    def _whole(self) -> tuple[str, str]:
        body = _object(bytes(self._rest))
        if body is None or not _choices(body):
            return BAD_ANSWER, "it is no completion"
        self._usage = _pairs(body.get("usage"))
        return "", ""

    def _event(self, data: bytes, now: float) -> None:
        if data == b"[DONE]":
            self._is_done = True
            return
        event = _object(data)
        if event is None:
            self._fault = (BAD_ANSWER, "an event is no JSON object")
            return
        if event.get("error"):  # vLLM says so what went wrong after the head was sent
            self._fault = (BROKEN_STREAM, _message(data))
            return
        self._usage = _pairs(event.get("usage")) or self._usage
        if any(map(_is_token, _choices(event))):
            if self._last is None:
                self._first = now - self._began
            else:
                self._gaps.append(now - self._last)
            self._last = now


def _is_token(choice: Mapping[str, Any]) -> bool:
    """Tell whether an event is about a token; one that only ends the answer is not.

    A token without text (half a character, for instance) counts: it took its time.
    """
    return bool(choice.get("text") or _pairs(choice.get("delta")).get("content")) or not choice.get(
        "finish_reason"
    )


def _object(data: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _choices(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = body.get("choices")
    return [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []


def _pairs(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 31 else 0


def _message(body: bytes) -> str:
    told = _pairs((_object(body) or {}).get("error")).get("message")
    return str(told) if told else body.decode("utf-8", "replace")


def _printable(text: str) -> str:
    words = " ".join(text[: 4 * _SHOWN].split())
    return "".join(c for c in words if c.isprintable())[:_SHOWN]
