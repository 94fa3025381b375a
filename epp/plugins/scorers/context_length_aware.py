"""context-length-aware: prompts go to servers made for their length.

What:
    Prefers endpoints whose label gives a range of context lengths into which the prompt falls, and
    if asked to, leaves out the others.

Formula:
    For a label min-max and a prompt within it, 0.3 + 0.7 * (0.7 / (1 + width / 10000) + 0.3 * (max
    - length) / width) with width = max - min, and 1 if the width is 0: narrow ranges and room to
    grow score higher. Outside of it, 0.3 / (1 + distance / 1000). Without the label 0.5, with one
    that cannot be read 0. As a filter it keeps ranges with the prompt in them and pods without the
    label.

Reads:
    The prompt's tokens, by token-producer; without it a fourth of the prompt's bytes. Labels of the
    endpoints' pods.

Parameters:
    label: key of the label with the range.
    enableFiltering: leave out endpoints whose range the prompt is not in.

When to use:
    When some servers are set up for long contexts, with more memory for the KV cache, and others
    for short ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from epp.api.data import Tokens, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request

_BYTES_PER_TOKEN = 4
_BYTES_LIMIT = 1 << 26
_FALLBACK = 0.3


@plugin("context-length-aware", Family.SCORER, Family.FILTER)
@dataclass(frozen=True, slots=True, eq=False)
class ContextLengthAware:
    """Scores and filters by a range of context lengths."""

    label: Annotated[str, Param("Key of the label with the range.", minimum=1)] = (
        "llm-d.ai/context-length-range"
    )
    enable_filtering: Annotated[bool, Param("Leave out who is made for other lengths.")] = False

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those whose range has the prompt in it; everybody unless filtering is on."""
        if not self.enable_filtering:
            return candidates
        length = self._length(request)
        kept = []
        for candidate in candidates:
            text = candidate.endpoint.labels.get(self.label)
            if text is None or _is_within(length, text):
                kept.append(candidate)
        return kept

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return how well each range fits the prompt."""
        length = self._length(request)
        return [_grade(length, c.endpoint.labels.get(self.label)) for c in candidates]

    def _length(self, request: Request) -> int:
        tokens = find(request, Tokens)
        if tokens is not None:
            return tokens.total
        known: int | None = request.scratch.get(self)
        if known is None:
            known = len(request.prompt.head(_BYTES_LIMIT)) // _BYTES_PER_TOKEN
            request.scratch[self] = known
        return known


def _is_within(length: int, text: str) -> bool:
    bounds = _bounds(text)
    return bounds is not None and bounds[0] <= length <= bounds[1]


def _grade(length: int, text: str | None) -> float:
    if text is None:
        return 0.5
    bounds = _bounds(text)
    if bounds is None:
        return 0.0
    low, high = bounds
    if length < low:
        return _FALLBACK / (1.0 + (low - length) / 1000.0)
    if length > high:
        return _FALLBACK / (1.0 + (length - high) / 1000.0)
    width = high - low
    if not width:
        return 1.0
    fit = 0.7 / (1.0 + width / 10_000.0) + 0.3 * (high - length) / width
    return _FALLBACK + (1.0 - _FALLBACK) * fit


@lru_cache(maxsize=1024)
def _bounds(text: str) -> tuple[int, int] | None:
    """Return the range in a label's value, at most 63 characters; None when it is none."""
    low, separator, high = text.partition("-")
    low, high = low.strip(), high.strip()
    if not (separator and low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        return None
    bounds = int(low[:64]), int(high[:64])
    return bounds if bounds[0] <= bounds[1] else None
