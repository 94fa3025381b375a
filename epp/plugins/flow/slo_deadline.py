"""slo-deadline-ordering-policy: who must see a first token soonest goes first.

What:
    The requests of a flow go on in the order of the times at which their first tokens are due;
    those that name none last; equal ones in the order in which they came.

Formula:
    Arrival + the milliseconds of the header.

Reads:
    The request header x-llm-d-slo-ttft-ms or x-slo-ttft-ms; what is no number counts as none.

Parameters:
    None.

When to use:
    Where clients send how long they want to wait for a first token.
"""

from dataclasses import dataclass
from math import inf, isfinite

from epp.api.registry import Family, plugin
from epp.api.request import Request

_HEADERS = ("x-llm-d-slo-ttft-ms", "x-slo-ttft-ms")


@plugin("slo-deadline-ordering-policy", Family.ORDERING_POLICY)
@dataclass(frozen=True, slots=True)
class SloDeadlineOrderingPolicy:
    """Orders by the time at which a first token is due."""

    def rank(self, request: Request, arrived: float, expires: float) -> float:
        """Return the deadline; infinity without one."""
        del expires
        headers = request.headers
        text = next((headers[name] for name in _HEADERS if headers.get(name)), "")
        try:
            milliseconds = float(text)
        except ValueError:
            return inf
        return arrived + milliseconds / 1000 if isfinite(milliseconds) else inf
