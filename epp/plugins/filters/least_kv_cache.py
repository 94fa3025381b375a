"""least-kv-cache-filter: the lower part of the KV caches.

What:
    Keeps the endpoints whose KV-cache use is near the lowest.

Formula:
    Kept when usage <= min + (max - min) / n over the n candidates. A candidate that is not fresh
    counts as the mean of those that are.

Reads:
    Share of the KV cache in use, as scraped.

Parameters:
    None.

When to use:
    In a decision tree; otherwise kv-cache-utilization-scorer weighs it against other figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.ranking import average_unknown


@filter_("least-kv-cache-filter")
@dataclass(frozen=True, slots=True)
class LeastKvCacheFilter:
    """Keeps the emptier KV caches."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those in the lowest part of the range of usages."""
        del request
        if not candidates:
            return candidates
        usages = average_unknown(candidates, [c.metrics.kv_usage for c in candidates])
        least = min(usages)
        limit = least + (max(usages) - least) / len(usages)
        return [c for c, usage in zip(candidates, usages, strict=True) if usage <= limit]
