"""Two measurements side by side: what became better or worse, and what is only noise. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gaiectl.checks.perf.distribution import Distribution
from gaiectl.checks.perf.load import Step
from gaiectl.checks.perf.run import Run
from gaiectl.checks.perf.tally import Result

NOTICEABLE = 0.05
"""Less than that is no difference, however sure: the same stack measured twice differs as much."""

_DEVIATIONS = 1.96


class Verdict(StrEnum):
    """What a difference means."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one step, twice.

    Attributes:
        step: the load.
        name: of the figure: "TTFT p50".
        before, after: times in seconds, rates per second, success 0 to 1; None if not measured.
        is_time: it is a time.
        verdict: better, worse, or not told apart by what was seen.
    """

    step: Step
    name: str
    before: float | None
    after: float | None
    is_time: bool
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """The change, as a part of what was before."""
        if not self.before or self.after is None:
            return None
        return self.after / self.before - 1


def compare(before: Run, after: Run) -> list[Difference]:
    """Return the differences in the steps that both have.

    A difference is one where the intervals in which either figure may lie (95 %) have nothing in
    common, and which is noticeable too. Of times, these intervals are wider by what the client
    itself was late: on a busy machine nothing is told apart.
    """
    others = {one.step: one for one in after.results}
    return [
        difference
        for one in before.results
        if one.step in others
        for difference in _of_step(one, others[one.step])
    ]


def _of_step(one: Result, other: Result) -> Iterator[Difference]:
    for name, a, b in (
        ("TTFT", one.first, other.first),
        ("ITL", one.gaps, other.gaps),
        ("E2E", one.whole, other.whole),
    ):
        if a.count or b.count:
            for percent in (50, 90, 99):
                yield _time(one, other, f"{name} p{percent}", (a, b), percent / 100)
    for name, x, y in (
        ("requests/s", one.requests_rate, other.requests_rate),
        ("tokens/s out", one.tokens_out_rate, other.tokens_out_rate),
    ):
        verdict = _verdict(_around(x, one.whole), _around(y, other.whole), x, y, more_is=_GOOD)
        yield Difference(one.step, name, x, y, is_time=False, verdict=verdict)
    verdict = _success(one, other)
    yield Difference(
        one.step, "answered", one.success, other.success, is_time=False, verdict=verdict
    )


_GOOD, _BAD = True, False


def _time(
    one: Result, other: Result, name: str, times: tuple[Distribution, Distribution], part: float
) -> Difference:
    before, after = (each.quantile(part) for each in times)
    if before is None or after is None:
        return Difference(one.step, name, before, after, is_time=True, verdict=Verdict.UNKNOWN)
    intervals = [_within(a, b, part) for a, b in zip((one, other), times, strict=True)]
    verdict = _verdict(intervals[0], intervals[1], before, after, more_is=_BAD)
    return Difference(one.step, name, before, after, is_time=True, verdict=verdict)


def _within(result: Result, times: Distribution, part: float) -> tuple[float, float]:
    low, high = times.interval(part, result.succeeded)
    late = result.client_lag.quantile(part) or 0.0
    return low - late, high + late


def _around(rate: float, whole: Distribution) -> tuple[float, float]:
    """Return where a rate may lie: it is as sure as the mean time that one request takes."""
    error = whole.mean_error
    return (rate * max(1 - error, 0.0), rate * (1 + error)) if rate else (0.0, 0.0)


def _success(one: Result, other: Result) -> Verdict:
    if not one.begun or not other.begun:
        return Verdict.UNKNOWN
    return _verdict(
        _wilson(one), _wilson(other), one.success, other.success, more_is=_GOOD, least=0
    )


def _wilson(result: Result) -> tuple[float, float]:
    """Return where the part of answered requests may lie (Wilson's score interval)."""
    n, p, z = result.begun, result.success, _DEVIATIONS
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def _verdict(
    a: tuple[float, float],
    b: tuple[float, float],
    before: float,
    after: float,
    *,
    more_is: bool,
    least: float = NOTICEABLE,
) -> Verdict:
    if abs(after - before) <= least * max(before, after) or (a[1] >= b[0] and b[1] >= a[0]):
        return Verdict.SAME
    return Verdict.BETTER if (after > before) is more_is else Verdict.WORSE
