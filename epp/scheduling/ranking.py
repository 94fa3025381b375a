"""Turning figures into scores, also where the figures of some candidates are unknown.

The figures of a candidate that is not fresh are unknown. Knowing nothing shall neither attract nor
repel, and which fixed score would do neither depends on what the others score. So an unknown
candidate is taken for an average one.
"""

from collections.abc import Sequence
from math import fsum

from epp.api.endpoint import Candidate, Snapshot
from epp.api.plugin import NEUTRAL


def _are_fresh(candidates: Sequence[Candidate]) -> bool:
    """Whether the figures of all candidates are known."""
    if isinstance(candidates, Snapshot):
        return candidates.are_fresh
    for candidate in candidates:  # noqa: SIM110 - a generator costs more than this loop
        if not candidate.is_fresh:
            return False
    return True


def average_unknown(candidates: Sequence[Candidate], scores: list[float]) -> list[float]:
    """Return the scores, with the mean of the known ones in place of each unknown one.

    With none known, all are ``NEUTRAL``.

    Args:
        candidates: those that are not fresh are unknown.
        scores: one per candidate, whatever it is for the unknown ones; not changed.
    """
    if _are_fresh(candidates):
        return scores
    known = [score for c, score in zip(candidates, scores, strict=True) if c.is_fresh]
    mean = fsum(known) / len(known) if known else NEUTRAL
    return [score if c.is_fresh else mean for c, score in zip(candidates, scores, strict=True)]


def fewest_first(candidates: Sequence[Candidate], loads: Sequence[float]) -> list[float]:
    """Return 1 for the smallest load, 0 for the largest, and what lies between in proportion.

    Equal loads all score 1. An unknown load is estimated from our own requests in flight.

    Args:
        candidates: who is graded.
        loads: one per candidate, in requests; whatever it is for those that are not fresh.
    """
    if not loads:
        return []
    if not _are_fresh(candidates):
        loads = _estimated(candidates, loads)
    most = max(loads)
    spread = most - min(loads)
    if not spread:
        return [1.0] * len(loads)
    return [(most - load) / spread for load in loads]


def _estimated(candidates: Sequence[Candidate], loads: Sequence[float]) -> list[float]:
    """Return the loads, with an estimate for each unknown one.

    An unknown load is the mean of the known ones, corrected by how many more of our requests that
    endpoint has in flight than they have on average. So one that hangs, and therefore answers no
    scrape either, is avoided as requests pile up there. But no estimate is below the least known
    load: an endpoint that quickly fails whatever it is asked must not look like the best of all.

    With none known, our requests in flight are all there is to go by.
    """
    known = [(load, c.inflight) for c, load in zip(candidates, loads, strict=True) if c.is_fresh]
    if not known:
        return [c.inflight for c in candidates]
    least = min(load for load, _ in known)
    others = sum(load - inflight for load, inflight in known) / len(known)
    return [
        load if c.is_fresh else max(least, others + c.inflight)
        for c, load in zip(candidates, loads, strict=True)
    ]
