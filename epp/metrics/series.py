"""What is counted, kept as plain numbers: recording costs a fraction of a microsecond."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

OTHER = "other"
"""Stands for every label value beyond the limit (llm-d-router's word)."""

MOST_LABEL_VALUES = 1000
"""Distinct sets of client-controlled label values that get series of their own (llm-d-router)."""


class Histogram:
    """Counts of values by upper bound, and their sum. Not thread-safe."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count ``value`` in the first bucket whose bound is not below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self.counts)


_T = TypeVar("_T")


class Bounded(Generic[_T]):
    """A table by label values that cannot grow without end.

    Labels that a client chooses would let it fill the memory of EPP and Prometheus: once
    ``most`` sets of values have an entry, all new ones share the entry whose values are
    all ``other``.
    """

    def __init__(
        self, make: Callable[[], _T], labels: int, *, most: int = MOST_LABEL_VALUES
    ) -> None:
        self._make = make
        self._overflow = (OTHER,) * labels
        self._most = most
        self._entries: dict[tuple[str, ...], _T] = {}

    def __getitem__(self, values: tuple[str, ...]) -> _T:
        try:
            return self._entries[values]
        except KeyError:
            return self._add(values)

    def items(self) -> Iterator[tuple[tuple[str, ...], _T]]:
        """Return label values and entries in order of appearance."""
        return iter(self._entries.items())

    def _add(self, values: tuple[str, ...]) -> _T:
        if len(self._entries) >= self._most:
            values = self._overflow
        return self._entries.setdefault(values, self._make())
