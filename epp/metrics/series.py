"""What is counted, kept as plain numbers: recording costs a fraction of a microsecond."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

OTHER = "other"
"""Stands for every label value beyond the limit (llm-d-router's word)."""

MOST_LABEL_VALUES = 1000
"""Distinct sets of client-controlled label values that get series of their own (llm-d-router)."""

LONGEST_LABEL_VALUE = 256
"""Characters of a client-controlled label value; a body may hold a model name of megabytes."""


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

Labels = tuple[str, str, str, int | str]
"""Model, target model, fairness id and priority of a request."""


class ByRequest(Generic[_T]):
    """A table by what clients write into their requests, which therefore cannot grow without end.

    Once ``most`` sets of labels have an entry, new fairness ids and priorities of a model share an
    entry in which both are ``other``; and once as many models are known, new ones share the entry
    in which all is ``other``. So inventing fairness ids hides no model. Long values are cut off.
    """

    def __init__(self, make: Callable[[], _T], *, most: int = MOST_LABEL_VALUES) -> None:
        self._make = make
        self._most = most
        self._entries: dict[Labels, _T] = {}
        self._models: set[tuple[str, str]] = set()

    def __getitem__(self, labels: Labels) -> _T:
        try:
            return self._entries[labels]
        except KeyError:
            return self._add(labels)

    def items(self) -> Iterator[tuple[Labels, _T]]:
        """Return labels and entries of now, in order of appearance."""
        return iter(list(self._entries.items()))

    def _add(self, labels: Labels) -> _T:
        model, target, flow, priority = labels
        models = (model[:LONGEST_LABEL_VALUE], target[:LONGEST_LABEL_VALUE])
        labels = (*models, flow[:LONGEST_LABEL_VALUE], priority)
        if labels in self._entries:
            return self._entries[labels]
        if len(self._entries) >= self._most:
            if models not in self._models and len(self._models) >= self._most:
                models = (OTHER, OTHER)
            labels = (*models, OTHER, OTHER)
        self._models.add(models)
        return self._entries.setdefault(labels, self._make())


class Bounded(Generic[_T]):
    """A table by label values that cannot grow without end.

    Labels that a client chooses would let it fill the memory of EPP and Prometheus: once ``most``
    sets of values have an entry, all new ones share the entry whose values are all ``other``. Long
    values are cut off.
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
        values = tuple(value[:LONGEST_LABEL_VALUE] for value in values)
        if values not in self._entries and len(self._entries) >= self._most:
            values = self._overflow
        return self._entries.setdefault(values, self._make())
