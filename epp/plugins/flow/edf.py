"""edf-ordering-policy: the earliest deadline first.

What:
    The request of a flow that will have waited too long first goes on first; those without a
    limit last; equal ones in the order in which they came.

Formula:
    Arrival + the time limit of the queue.

Reads:
    The time limits of flowControl.

Parameters:
    None.

When to use:
    Where requests of one flow have different time limits; with one limit for all it is first come,
    first served.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("edf-ordering-policy", Family.ORDERING_POLICY)
@dataclass(frozen=True, slots=True)
class EdfOrderingPolicy:
    """Orders by the time at which requests will have waited too long."""

    def rank(self, request: Request, arrived: float, expires: float) -> float:
        """Return the deadline."""
        del request, arrived
        return expires
