"""critical-request-filter: everything for important requests, nothing for others.

What:
    Tells important requests from others: a branch for decision-tree-filter.

Formula:
    All are kept when the request's priority is at least minPriority, else none.

Reads:
    Priority of the request.

Parameters:
    minPriority: smallest priority that is important.

When to use:
    As the first branch of a decision tree that refuses unimportant requests when servers are full.
    A request without objective has priority 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request


@filter_("critical-request-filter")
@dataclass(frozen=True, slots=True)
class CriticalRequestFilter:
    """Keeps all or none, by priority."""

    min_priority: Annotated[int, Param("Smallest priority that is important.")] = 1

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return everybody or nobody."""
        return candidates if request.priority >= self.min_priority else ()
