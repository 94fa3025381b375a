"""What a measurement has to come to: how many are answered, and how long that may take. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gaiectl.checks.perf.load import Step
from gaiectl.checks.perf.tally import Result

_TIMES = {"ttft": "first", "itl": "gaps", "e2e": "whole"}
"""Words for times, and their names in ``Result``."""

_LIMIT = re.compile(rf"({'|'.join(_TIMES)})-p([1-9]\d?)=(.+)", re.IGNORECASE)


class Limit(NamedTuple):
    """How long something may take in each step.

    Attributes:
        time: ``ttft`` to the first token, ``itl`` between tokens, ``e2e`` to the end.
        percent: of all, that have to keep it: 1 to 99.
        seconds: so long.
    """

    time: str
    percent: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.time.upper()} p{self.percent} within {self.seconds * 1000:g} ms"


class Verdict(NamedTuple):
    """Whether one step came to what it has to.

    Attributes:
        step: the load.
        wanted: what it has to come to: "TTFT p95 within 500 ms".
        seen: what it came to.
        is_kept: it did.
    """

    step: Step
    wanted: str
    seen: str
    is_kept: bool


def parse(text: str) -> tuple[str, int, str] | None:
    """Return time, percent and duration of a limit like ``ttft-p95=500ms``; None if it is none."""
    found = _LIMIT.fullmatch(text)
    return (found[1].lower(), int(found[2]), found[3]) if found else None


def judged(result: Result, success: float, limits: Sequence[Limit]) -> Iterator[Verdict]:
    """Yield what is to be said of a step. What was not measured keeps no limit.

    Args:
        result: of the step.
        success: the part of its requests that have to be answered: 0 to 1.
        limits: of its times.
    """
    answered = f"{result.succeeded} of {result.begun} answered"
    is_enough = bool(result.begun) and result.success >= success
    yield Verdict(result.step, f"{success * 100:.4g} % answered", answered, is_enough)
    for limit in limits:
        value = getattr(result, _TIMES[limit.time]).quantile(limit.percent / 100)
        seen = "nothing measured" if value is None else f"{value * 1000:.4g} ms"
        is_kept = value is not None and value <= limit.seconds
        yield Verdict(result.step, str(limit), seen, is_kept)
