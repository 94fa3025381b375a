"""How full a pool is: by a detector, computed again only when something changed."""

from collections.abc import Callable, Sequence
from math import fsum

from epp.api.endpoint import Candidate, Snapshot
from epp.api.flow import Averaging
from epp.api.plugin import SaturationDetector

_MOST_UPDATES = 1000
"""Changes of a sum before it is made anew, so that errors of rounding do not add up."""


def is_full_as_scraped(
    detector: SaturationDetector,
) -> Callable[[Sequence[Candidate]], bool]:
    """Return who says whether sheddable requests are turned away.

    Queue lengths are taken as they were scraped, not corrected by our own requests since then: a
    burst that a model server swallows between two scrapes shall not cost anybody a request.
    """

    def is_full(candidates: Sequence[Candidate]) -> bool:
        return detector.saturation([_as_scraped(c) for c in candidates]) >= 1.0

    return is_full


def _as_scraped(candidate: Candidate) -> Candidate:
    waiting, running = candidate.metrics.waiting, candidate.metrics.running
    if candidate.waiting == waiting and candidate.running == running:
        return candidate
    return candidate._replace(waiting=waiting, running=running)


class Fullness:
    """How full the pool is; computed again only when its snapshot is another one.

    Where the detector takes the mean over the endpoints, only those that changed are looked at.
    """

    __slots__ = ("_each", "_parts", "_seen", "_snapshot", "_total", "_updates", "_value", "_whole")

    def __init__(self, snapshot: Callable[[], Snapshot], detector: SaturationDetector) -> None:
        self._snapshot = snapshot
        self._whole = detector.saturation
        is_mean = isinstance(detector, Averaging) and detector.is_mean
        self._each = detector.fullness if isinstance(detector, Averaging) and is_mean else None
        self._seen: Snapshot | None = None
        self._parts: list[float] = []
        self._total = 0.0
        self._updates = 0
        self._value = 1.0

    def read(self) -> float:
        """Return the saturation now; 1 and more is full."""
        snapshot = self._snapshot()
        seen, self._seen = self._seen, snapshot
        if snapshot is seen:
            return self._value
        each = self._each
        if each is None or not snapshot:
            self._value = self._whole(snapshot)
            return self._value
        parts, changed = self._parts, snapshot.changed
        if (
            changed is None
            or seen is None
            or snapshot.serial != seen.serial + 1
            or len(parts) != len(snapshot)
            or self._updates >= _MOST_UPDATES
        ):
            self._parts = parts = [each(candidate) for candidate in snapshot]
            self._total, self._updates = fsum(parts), 0
        else:
            self._updates += 1
            for index in changed:
                part = each(snapshot[index])
                self._total += part - parts[index]
                parts[index] = part
        # Errors of rounding shall not decide whether a pool is just full.
        self._value = round(self._total / len(parts), 9)
        return self._value

    def stale(self) -> int:
        """Return how many endpoints have unknown load."""
        return sum(not candidate.is_fresh for candidate in self._snapshot())

    def inflight(self) -> int:
        """Return how many requests are served now."""
        return sum(candidate.inflight for candidate in self._snapshot())

    def size(self) -> int:
        """Return how many endpoints there are."""
        return len(self._snapshot())
