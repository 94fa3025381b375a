"""Scoring by how far below what a client asks for the predicted times are."""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from epp.api.data import LatencyPrediction, PrefixMatch, find
from epp.api.endpoint import Candidate
from epp.api.request import Request

_FLAT = 1e-9


class Weights(NamedTuple):
    """How two times count.

    Attributes:
        ttft: of the time to the first token.
        tpot: of the time per output token.
    """

    ttft: float
    tpot: float


class Composite(NamedTuple):
    """How figures count that need no prediction.

    Attributes:
        kv: of the free share of the KV cache.
        queue: of the length of the queue.
        prefix: of the share of the prompt that is cached.
    """

    kv: float
    queue: float
    prefix: float


def prefix_shares(request: Request, candidates: Sequence[Candidate]) -> list[float]:
    """Return the share of the prompt that each has cached, 0 to 1; 0 where nothing is known."""
    match = find(request, PrefixMatch)
    if match is None or not match.total:
        return [0.0] * len(candidates)
    return [min(1.0, match.blocks.get(c.endpoint.slot, 0) / match.total) for c in candidates]


def composite_scores(
    request: Request, candidates: Sequence[Candidate], weights: Composite
) -> list[float]:
    """Return the weighted mean of free KV cache, short queue and cached prefix of each.

    Of a candidate that is not fresh the first two are taken as the mean of the others'.
    """
    most = max((c.waiting for c in candidates if c.is_fresh), default=0)
    free = _mean_for_stale(candidates, [1.0 - min(1.0, c.metrics.kv_usage) for c in candidates])
    short = _mean_for_stale(
        candidates, [(most - c.waiting) / most if most else 1.0 for c in candidates]
    )
    total = sum(weights)
    if total <= 0:
        return [0.0] * len(candidates)
    shares = prefix_shares(request, candidates)
    return [
        (weights.kv * kv + weights.queue * queue + weights.prefix * prefix) / total
        for kv, queue, prefix in zip(free, short, shares, strict=True)
    ]


def _mean_for_stale(candidates: Sequence[Candidate], values: list[float]) -> list[float]:
    known = [value for c, value in zip(candidates, values, strict=True) if c.is_fresh]
    mean = fsum(known) / len(known) if known else 0.5
    return [value if c.is_fresh else mean for c, value in zip(candidates, values, strict=True)]


def tiers(prediction: LatencyPrediction, slots: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return those that keep both promises, and the others; without a prediction: the others."""
    positive: list[int] = []
    negative: list[int] = []
    for slot in slots:
        headrooms = prediction.headrooms(slot)
        is_positive = headrooms is not None and headrooms[0] >= 0 and headrooms[1] >= 0
        (positive if is_positive else negative).append(slot)
    return positive, negative


def best_group(prediction: LatencyPrediction, slots: Sequence[int]) -> list[int]:
    """Return the best of these that there are, of those with a prediction.

    Those that keep both promises; those without a request in flight; those that break the promise
    on output tokens alone; on the first token alone; all.
    """
    known = {slot: rooms for slot in slots if (rooms := prediction.headrooms(slot)) is not None}
    groups = (
        [slot for slot, (ttft, tpot) in known.items() if ttft >= 0 and tpot >= 0],
        [slot for slot in known if not prediction.running.get(slot)],
        [slot for slot, (ttft, tpot) in known.items() if ttft >= 0 > tpot],
        [slot for slot, (ttft, tpot) in known.items() if ttft < 0 <= tpot],
    )
    return next(filter(None, groups), list(known))


def graded(
    prediction: LatencyPrediction, group: Sequence[int], weights: Weights, *, most: bool
) -> dict[int, float]:
    """Return a score from 0.01 to 1 for each of a group, by its headrooms among theirs.

    Args:
        prediction: has a prediction for each of the group.
        group: slots.
        weights: how the two times count; a time that is the same for all does not.
        most: prefer those with the most headroom, instead of those that just keep their promise.
            Where promises are broken the least broken one is always preferred.
    """
    rooms = {slot: room for slot in group if (room := prediction.headrooms(slot)) is not None}
    if not rooms:
        return {}
    keeps = all(ttft >= 0 and tpot >= 0 for ttft, tpot in rooms.values())
    ttfts = _shares({slot: abs(room[0]) for slot, room in rooms.items()})
    tpots = _shares({slot: abs(room[1]) for slot, room in rooms.items()})
    total = weights.ttft + weights.tpot
    alpha, beta = (weights.ttft / total, weights.tpot / total) if total > 0 else (0.5, 0.5)
    if tpots is None and ttfts is not None:
        alpha, beta = 1.0, 0.0
    elif ttfts is None and tpots is not None:
        alpha, beta = 0.0, 1.0
    scores = {}
    for slot in rooms:
        share = alpha * (ttfts[slot] if ttfts else 0.5) + beta * (tpots[slot] if tpots else 0.5)
        scores[slot] = min(1.0, (int((share if most and keeps else 1.0 - share) * 100) + 1) / 100)
    return scores


def _shares(values: dict[int, float]) -> dict[int, float] | None:
    """Return where each value is between the least and the greatest; None if all are equal."""
    low, high = min(values.values()), max(values.values())
    if high - low <= _FLAT:
        return None
    return {slot: (value - low) / (high - low) for slot, value in values.items()}
