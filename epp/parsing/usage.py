"""Finds token counts in a response as it passes, without keeping the response."""

import re
from collections.abc import Mapping
from typing import Any

from epp.api.request import Usage
from epp.parsing.codec import orjson

_WORD = b'"usage"'
_MINUS_PREFIX = 1 - len(_WORD)
_OBJECT = re.compile(rb'"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')
_BEGINNING = re.compile(rb'"usage"\s*(?:\Z|:\s*(?:\Z|\{))')
_MAX_CARRY = 4096


class UsageScanner:
    """Looks for ``"usage": {...}`` in the chunks of one response, JSON or server-sent events.

    The object may be cut anywhere between chunks. Quotes inside JSON strings are escaped, so that
    no text of a model can look like it. Of several objects the last count of each kind stands:
    Anthropic's first event counts the prompt and its last one may count the answer alone. Memory is
    bounded by one chunk and 4 KiB.
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
        for match in matches:
            if usage := usage_of(match[1]):
                self.usage = merged(self.usage, usage)
        end = matches[-1].end() if matches else 0
        if end <= last and _BEGINNING.match(window, last) and len(window) - last <= _MAX_CARRY:
            self._carry = window[last:]
        else:
            self._carry = window[max(end, len(window) - len(_WORD) + 1) :]


def merged(before: Usage | None, now: Usage) -> Usage:
    """Return the newer counts, and the older ones of what the newer do not count."""
    if before is None or (now.prompt_tokens and now.completion_tokens):
        return now
    prompt = now.prompt_tokens or before.prompt_tokens
    completion = now.completion_tokens or before.completion_tokens
    cached = now.cached_tokens or before.cached_tokens
    return Usage(prompt, completion, max(now.total_tokens, prompt + completion), cached)


def usage_of(data: bytes) -> Usage | None:
    """Read a usage object of any OpenAI-like API; None when it holds no counts.

    Odd types count as nothing. Responses and conversations count input and output tokens, the
    others prompt and completion tokens; the details of cached tokens go by three names. Anthropic
    counts what was read from the cache, and what was written to it, beside the input tokens.
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
    cached = _count(fields, "cache_read_input_tokens")
    if beside := cached + _count(fields, "cache_creation_input_tokens"):
        prompt += beside
        total = prompt + completion
    if not total:
        return None
    for name in ("prompt_tokens_details", "input_tokens_details", "prompt_token_details"):
        details = fields.get(name)
        cached = cached or (_count(details, "cached_tokens") if isinstance(details, dict) else 0)
    return Usage(prompt, completion, total, cached)


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if type(value) is int and value > 0 else 0
