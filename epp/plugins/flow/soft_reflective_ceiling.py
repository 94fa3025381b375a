"""soft-reflective-ceiling-policy: lower bands are slowed down as the pool fills.

What:
    The highest band is never held back before the pool is full. A lower one is, from a saturation
    on that depends on its rank and the saturation itself; there it is let through now and then, the
    more seldom the fuller the pool is.

Formula:
    From saturation >= 1 - rank * saturation / (bands - 1) on, a band is open in one of
    max(1, round(saturation / (1 - saturation))) decisions, and in none when the pool is full.

Reads:
    The number of bands.

Parameters:
    None.

When to use:
    Where less important requests shall be throttled by and by instead of stopped at a threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from epp.api.registry import Family, plugin


@plugin("soft-reflective-ceiling-policy", Family.USAGE_LIMIT_POLICY, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class SoftReflectiveCeilingPolicy:
    """Opens lower bands more and more seldom."""

    recheck_seconds: ClassVar[float] = 0.001
    """Upstream decides once a millisecond."""
    _calls: dict[int, int] = field(init=False, repr=False, default_factory=dict)

    def ceilings(self, priorities: Sequence[int], saturation: float) -> Sequence[float]:
        """Return 1 for open bands and 0 for closed ones, the highest first."""
        count = len(priorities)
        return [1.0 if self._is_open(rank, count, saturation) else 0.0 for rank in range(count)]

    def _is_open(self, rank: int, count: int, saturation: float) -> bool:
        if rank == 0 or saturation < 1.0 - rank * saturation / (count - 1):
            return True
        if saturation >= 1.0:
            return False
        period = max(1, round(saturation / (1.0 - saturation + 1e-9)))
        call = self._calls[rank] = self._calls.get(rank, 0) + 1
        return call % period == 0
