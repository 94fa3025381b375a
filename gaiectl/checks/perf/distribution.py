"""Many durations in little room: percentiles that are right to half a percent. Pure.

A DDSketch (Masson, Rim, Lee: "DDSketch", VLDB 2019): logarithmic buckets, so that every percentile
has the same relative error, and two of them added are exactly the one of all their values. That
also makes them small enough to be kept in reports, and compared months later.
"""

import math
from collections.abc import Mapping
from typing import Any, Self

RELATIVE_ERROR = 0.005
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_SMALLEST = 1e-6
"""Seconds; what is shorter counts as nothing: no clock of a network client tells it apart."""
_LARGEST = 1e6
_NOTHING = math.floor(math.log(_SMALLEST) / _LOG_GAMMA) - 1
_LAST = math.ceil(math.log(_LARGEST) / _LOG_GAMMA)
LARGEST = 1e18
"""Of all numbers that are read: no measurement comes to more."""
_DEVIATIONS = 1.96
"""Of a normal distribution: 95 % lie within."""


class Malformed(Exception):
    """What was read is no distribution; the message says why."""


class Distribution:
    """Durations in seconds, from a microsecond to eleven days.

    Attributes:
        count: how many there are.
        sum, squares: of their values, and of the squares of these.
        buckets: how many have the same logarithm to the base gamma, rounded up.
    """

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.squares = 0.0
        self.buckets: dict[int, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and self.buckets == other.buckets

    __hash__ = None  # type: ignore[assignment] # it changes

    def add(self, seconds: float) -> None:
        """Add a duration; one below zero counts as nothing."""
        value = min(max(seconds, 0.0), _LARGEST)
        index = _NOTHING if value < _SMALLEST else math.ceil(math.log(value) / _LOG_GAMMA)
        self.count += 1
        self.sum += value
        self.squares += value * value
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def merge(self, other: "Distribution") -> None:
        """Add all of another's durations."""
        self.count += other.count
        self.sum += other.sum
        self.squares += other.squares
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0 of none."""
        return self.sum / self.count if self.count else 0.0

    @property
    def mean_error(self) -> float:
        """How far off the mean may be (95 %), as a part of it; infinite for fewer than two."""
        if self.count < 2 or not self.sum:
            return math.inf
        variance = max(self.squares / self.count - self.mean**2, 0.0)
        return _DEVIATIONS * math.sqrt(variance / (self.count - 1)) / self.mean

    def quantile(self, part: float) -> float | None:
        """Return the value that this part (0 to 1) of all do not exceed (nearest rank)."""
        if not self.count:
            return None
        return self._ranked(math.ceil(part * self.count))

    def interval(self, part: float, independent: int) -> tuple[float, float]:
        """Return between which values the quantile of all that could have been seen lies (95 %).

        By order statistics, so nothing is assumed of the shape: the ranks within which the binomial
        distribution has its middle. Where there are too few values it is open: 0, infinity.

        Args:
            part: which quantile.
            independent: how many of the values have come about by themselves, at most: those of one
                request resemble each other.
        """
        share = min(independent, self.count)
        if not share:
            return 0.0, math.inf
        middle, spread = part * share, _DEVIATIONS * math.sqrt(share * part * (1 - part))
        each = self.count / share
        low = math.floor(math.floor(middle - spread) * each)
        high = math.ceil((math.ceil(middle + spread) + 1) * each)
        return (
            self._ranked(low) if low >= 1 else 0.0,
            self._ranked(high) if high <= self.count else math.inf,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for a report; times are in seconds."""
        return {
            "count": self.count,
            "mean": _rounded(self.mean),
            **{f"p{n}": _rounded(self.quantile(n / 100)) for n in (50, 90, 99)},
            "sum": self.sum,
            "squares": self.squares,
            "buckets": {str(index): self.buckets[index] for index in sorted(self.buckets)},
        }

    @classmethod
    def from_json(cls, told: object) -> Self:
        """Return what ``as_json`` told.

        Raises:
            Malformed: that is something else.
        """
        buckets = told.get("buckets") if isinstance(told, Mapping) else None
        if not isinstance(told, Mapping) or not isinstance(buckets, Mapping):
            raise Malformed("there are no buckets")
        made = cls()
        for key, count in buckets.items():
            try:
                index = int(key)
            except (TypeError, ValueError):
                raise Malformed(f"{str(key)[:40]!r} is no bucket") from None
            is_count = type(count) is int and 1 <= count <= LARGEST
            if not is_count or not _NOTHING <= index <= _LAST:
                raise Malformed(f"bucket {index} with {str(count)[:40]!r} values cannot be")
            made.buckets[index] = count
        made.count = sum(made.buckets.values())
        made.sum, made.squares = (number(told.get(name), name) for name in ("sum", "squares"))
        return made

    def _ranked(self, rank: int) -> float:
        """Return about the value of this rank; 1 is the smallest."""
        seen = 0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= rank:
                break
        return 0.0 if index == _NOTHING else 2 * _GAMMA**index / (_GAMMA + 1)


def number(value: object, name: str) -> float:
    """Return a number of a report, of a size that can be reckoned with.

    Raises:
        Malformed: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
        raise Malformed(f"{name} is no number from 0 on")
    return float(value)


def _rounded(seconds: float | None) -> float | None:
    """Keep microseconds: the rest is noise."""
    return None if seconds is None else round(seconds, 6)
