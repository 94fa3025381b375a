"""Turning load figures into scores."""

from collections.abc import Sequence

from epp.api.plugin import NEUTRAL


def fewest_first(loads: Sequence[int | None]) -> list[float]:
    """Return 1 for the smallest load, 0 for the largest, and what lies between in proportion.

    Equal loads all score 1. None, an unknown load, scores neutral and does not shift the others.
    """
    known = [load for load in loads if load is not None]
    if not known:
        return [NEUTRAL] * len(loads)
    most = max(known)
    spread = most - min(known)
    if spread:
        return [NEUTRAL if load is None else (most - load) / spread for load in loads]
    return [NEUTRAL if load is None else 1.0 for load in loads]
