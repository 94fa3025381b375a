"""fcfs-ordering-policy: first come, first served.

What:
    The requests of a flow go on in the order in which they came. It is the default.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    Unless requests have deadlines.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("fcfs-ordering-policy", Family.ORDERING_POLICY)
@dataclass(frozen=True, slots=True)
class FcfsOrderingPolicy:
    """Keeps the order of arrival."""

    def rank(self, request: Request, arrived: float, expires: float) -> float:
        """Return the same for all: equal ranks go as they came."""
        del request, arrived, expires
        return 0.0
