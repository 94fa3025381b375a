"""Finds token counts in a response as it passes, without keeping the response."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from epp.api.request import Usage

_WORD = b'"usage"'
_MINUS_PREFIX = 1 - len(_WORD)
_OBJECT = re.compile(rb'"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
_BEGINNING = re.compile(rb'"usage"\s*(?:\Z|:\s*(?:\Z|\{))')
_MAX_CARRY = 4096


class UsageScanner:
    """Looks for ``"usage": {...}`` in the chunks of one response, JSON or server-sent events.

    The object may be cut anywhere between chunks. Quotes inside JSON strings are escaped, so that
    no text of a model can look like it. The last object with counts stands. Memory is bounded by
    one chunk and 4 KiB.
    """

    __slots__ = ("_carry", "usage")

    def __init__(self) -> None:
        self._carry = b""
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the response."""
        window = self._carry + chunk
        if _WORD not in window:  # as in nearly every chunk
            self._carry = window[_MINUS_PREFIX:]
            return
        last = window.rfind(_WORD)
        matches = list(_OBJECT.finditer(window))
        for match in reversed(matches):
            if usage := usage_of(match[1]):
                self.usage = usage
                break
        end = matches[-1].end() if matches else 0
        if end <= last and _BEGINNING.match(window, last) and len(window) - last <= _MAX_CARRY:
            self._carry = window[last:]
        else:
            self._carry = window[max(end, len(window) - len(_WORD) + 1) :]


def usage_of(data: bytes) -> Usage | None:
    """Read a usage object of any OpenAI-like API; None when it holds no counts.

    Odd types count as nothing. Responses and conversations count input and output tokens, the
    others prompt and completion tokens; the details of cached tokens go by three names.
    """
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    prompt = _count(fields, "input_tokens") or _count(fields, "prompt_tokens")
    completion = _count(fields, "output_tokens") or _count(fields, "completion_tokens")
    total = _count(fields, "total_tokens") or prompt + completion
    if not total:
        return None
    cached = 0
    for name in ("prompt_tokens_details", "input_tokens_details", "prompt_token_details"):
        details = fields.get(name)
        cached = cached or (_count(details, "cached_tokens") if isinstance(details, dict) else 0)
    return Usage(prompt, completion, total, cached)


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if type(value) is int and value > 0 else 0
