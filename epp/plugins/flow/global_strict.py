"""global-strict-fairness-policy: flows do not matter, only the order of requests.

What:
    The best request of all flows of a band is next, as the ordering policy ranks them. It is the
    default.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    Where all requests of a priority are of equal right, whoever sends them.
"""

from dataclasses import dataclass

from epp.api.flow import Turns
from epp.api.registry import Family, plugin
from epp.flowcontrol.turns import BestHead


@plugin("global-strict-fairness-policy", Family.FAIRNESS_POLICY)
@dataclass(frozen=True, slots=True)
class GlobalStrictFairnessPolicy:
    """Looks at requests, not at flows."""

    def turns(self) -> Turns:
        """Return the memory for one more band."""
        return BestHead()
