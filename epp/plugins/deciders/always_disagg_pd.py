"""always-disagg-pd-decider: always prefill elsewhere.

What:
    Says yes for every request.

Formula:
    None.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    To try out disaggregation, or with decode endpoints that cannot prefill at all.
"""

from dataclasses import dataclass

from epp.api.endpoint import Endpoint
from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("always-disagg-pd-decider", Family.DECIDER)
@dataclass(frozen=True, slots=True)
class AlwaysDisaggPdDecider:
    """Says yes."""

    def disaggregates(self, request: Request, endpoint: Endpoint | None) -> bool:
        """Say yes."""
        del request, endpoint
        return True
