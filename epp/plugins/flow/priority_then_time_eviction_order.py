"""priority-then-time-eviction-order-policy: the least important request is ended first.

What:
    With enableEviction, the request of the lowest priority is ended first, of several the one that
    began last, for it has the least to lose.

Formula:
    None.

Reads:
    The request's priority.

Parameters:
    None.

When to use:
    It is the default and the only one.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin(
    "eviction-priority-then-time-ordering",
    Family.EVICTION_ORDER,
    successor="priority-then-time-eviction-order-policy",
)
@plugin("priority-then-time-eviction-order-policy", Family.EVICTION_ORDER)
@dataclass(frozen=True, slots=True)
class PriorityThenTimeEvictionOrderPolicy:
    """Ranks by priority, then by the time of the beginning."""

    def rank(self, request: Request, started: float) -> tuple[float, ...]:
        """Return the rank; the smallest is ended first."""
        return (request.priority, -started)
