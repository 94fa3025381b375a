"""static-usage-limit-policy: every band may fill the pool.

What:
    Requests of every priority go on until the pool is full. It is the default.

Formula:
    1.

Reads:
    Nothing.

Parameters:
    None.

When to use:
    Unless room shall be kept free for important requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from epp.api.registry import Family, plugin


@plugin("static-usage-limit-policy", Family.USAGE_LIMIT_POLICY)
@dataclass(frozen=True, slots=True)
class StaticUsageLimitPolicy:
    """Lets all bands fill the pool."""

    recheck_seconds: ClassVar[float] = 0.0

    def ceilings(self, priorities: Sequence[int], saturation: float) -> Sequence[float]:
        """Return 1 for each."""
        del saturation
        return [1.0] * len(priorities)
