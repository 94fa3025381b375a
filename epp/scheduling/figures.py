"""Figures of endpoints that other plugins have found: requests in flight, and named attributes."""

from collections.abc import Sequence
from math import isinf, isnan

from epp.api.data import EndpointAttributes, InflightLoad, find
from epp.api.endpoint import Candidate
from epp.api.request import Request


def requests_in_flight(
    request: Request, candidates: Sequence[Candidate], producer: str = ""
) -> list[int]:
    """Return the requests in flight at each, by the producer, or as the pool counts them."""
    load = find(request, InflightLoad, producer)
    if load is None:
        return [c.inflight for c in candidates]
    return [load.requests.get(c.endpoint.slot, 0) for c in candidates]


def tokens_in_flight(
    request: Request, candidates: Sequence[Candidate], producer: str = ""
) -> list[int]:
    """Return the tokens in flight at each; 0 while nobody counts them."""
    load = find(request, InflightLoad, producer)
    if load is None:
        return [0] * len(candidates)
    return [load.tokens.get(c.endpoint.slot, 0) for c in candidates]


def attribute(
    request: Request, candidates: Sequence[Candidate], name: str, producer: str = ""
) -> list[float | None]:
    """Return the attribute of each candidate; None where it is missing or no number."""
    found = find(request, EndpointAttributes, producer)
    values = found.values.get(name) if found else None
    if not values:
        return [None] * len(candidates)
    known = [values.get(c.endpoint.slot) for c in candidates]
    return [None if value is None or isnan(value) else value for value in known]


def share_between(value: float, low: float, high: float) -> float:
    """Return 0 for ``low``, 1 for ``high``, and what lies between in proportion.

    Args:
        value: what is placed; beyond the bounds it counts as the nearer one.
        low: the lower bound.
        high: the upper bound, greater than the lower one.
    """
    if value <= low:
        return 0.0
    if value >= high:
        return 1.0
    if isinf(low) or isinf(high):
        return 0.5
    # Halves, so that no difference of two numbers is beyond all numbers.
    return (value / 2 - low / 2) / (high / 2 - low / 2)
