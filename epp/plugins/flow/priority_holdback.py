"""priority-holdback-policy: the less important a band, the earlier it has to wait.

What:
    Keeps room free for important requests: the highest band may fill the pool up to maxCeiling,
    the lowest up to minCeiling only, those between to something between. A band alone may go to
    maxCeiling.

Formula:
    With the domain "rank": maxCeiling - rank * (maxCeiling - minCeiling) / (bands - 1), where the
    highest band has rank 0. With "value": minCeiling + (maxCeiling - minCeiling) * (priority -
    lowest) / (highest - lowest).

Reads:
    The priorities of the bands.

Parameters:
    minCeiling: Ceiling of the lowest band, from 0 to less than 1.
    shape: How ceilings lie between both ends; "linear" is the only one.
    domain: Whether the ranks of priorities count or their values, "rank" or "value".
    maxCeiling: Ceiling of the highest band, more than 0 and up to 1, by default 1.

When to use:
    Where important requests come in bursts and must not wait for room that others have just taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from epp.api.parameters import Param
from epp.api.registry import Family, plugin


@plugin("priority-holdback-policy", Family.USAGE_LIMIT_POLICY, is_alpha=True)
@dataclass(frozen=True, slots=True)
class PriorityHoldbackPolicy:
    """Lowers the ceiling with the priority."""

    min_ceiling: Annotated[float, Param("Ceiling of the lowest band; less than 1.", minimum=0)]
    shape: Annotated[Literal["linear"], Param("How ceilings lie between both ends.")] = "linear"
    domain: Annotated[
        Literal["rank", "value"], Param("Whether the ranks of priorities count or their values.")
    ] = "rank"
    max_ceiling: Annotated[float, Param("Ceiling of the highest band.", above=0, maximum=1)] = 1.0
    recheck_seconds: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if self.min_ceiling >= 1:
            raise ValueError("minCeiling must be less than 1")
        if self.min_ceiling > self.max_ceiling:
            raise ValueError("minCeiling must not be above maxCeiling")

    def ceilings(self, priorities: Sequence[int], saturation: float) -> Sequence[float]:
        """Return the ceilings, the highest first."""
        del saturation
        if len(priorities) < 2:
            return [self.max_ceiling] * len(priorities)
        spread = self.max_ceiling - self.min_ceiling
        if self.domain == "rank":
            step = spread / (len(priorities) - 1)
            return [self.max_ceiling - rank * step for rank in range(len(priorities))]
        lowest = priorities[-1]
        scale = spread / (priorities[0] - lowest)
        return [self.min_ceiling + scale * (priority - lowest) for priority in priorities]
