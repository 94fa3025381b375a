"""kv-cache-utilization-scorer: the emptiest KV cache wins.

What:
    Prefers endpoints whose KV cache has room.

Formula:
    1 - usage. A candidate that is not fresh scores what the fresh ones do on average, or 0.5 if
    there is none.

Reads:
    Share of the KV cache in use, as scraped.

Parameters:
    None.

When to use:
    Always beside queue-scorer: a full cache makes a server preempt requests before its queue shows
    anything. GAIE 0.5 called it kv-cache-scorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from epp.api.endpoint import Candidate, Snapshot
from epp.api.registry import Family, plugin, scorer
from epp.api.request import Request
from epp.scheduling.ranking import average_unknown
from epp.scheduling.standing import EachAlone


@plugin("kv-cache-scorer", Family.SCORER, successor="kv-cache-utilization-scorer")
@scorer("kv-cache-utilization-scorer")
@dataclass(frozen=True, slots=True)
class KvCacheUtilizationScorer:
    """Scores by free KV cache."""

    kept: EachAlone = field(
        init=False, repr=False, compare=False, default_factory=lambda: EachAlone(_free)
    )

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the free share of each KV cache."""
        del request
        return average_unknown(candidates, [1.0 - c.metrics.kv_usage for c in candidates])

    def standing(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return the same for a pool's snapshot, and which round of it this is."""
        return self.kept.follow(candidates)


def _free(candidate: Candidate) -> float:
    return 1.0 - candidate.metrics.kv_usage
