"""round-robin-fairness-policy: flows take turns.

What:
    Each flow of a band that has requests sends one in turn, so that a flow with many requests does
    not keep the others waiting.

Formula:
    The flow after the one served last, by fairness id.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    Where fairness ids stand for tenants of equal right and requests cost about the same.
"""

from dataclasses import dataclass

from epp.api.flow import Turns
from epp.api.registry import Family, plugin
from epp.flowcontrol.turns import RoundRobin


@plugin("round-robin-fairness-policy", Family.FAIRNESS_POLICY)
@dataclass(frozen=True, slots=True)
class RoundRobinFairnessPolicy:
    """Lets flows take turns."""

    def turns(self) -> Turns:
        """Return the memory for one more band."""
        return RoundRobin()
