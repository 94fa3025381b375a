"""multicluster-kv-cache-utilization-scorer: the cluster with the emptiest KV caches wins.

What:
    Prefers clusters whose KV caches have room, where each candidate is a whole cluster.

Formula:
    1 - usage. 0 for a cluster without the figure, if another one has it.

Reads:
    The attribute llm-d.ai/multicluster-kv-cache-utilization, as multicluster-metrics-extractor
    finds it. While no cluster has it, the share of the KV cache in use as scraped.

Parameters:
    None.

When to use:
    In an EPP that chooses between clusters, each behind a gateway of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.figures import attribute
from epp.scheduling.ranking import average_unknown

_ATTRIBUTE = "llm-d.ai/multicluster-kv-cache-utilization"


@plugin("multicluster-kv-cache-utilization-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class MulticlusterKvCacheUtilizationScorer:
    """Scores clusters by free KV cache."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the free share of each cluster's KV caches."""
        usages = attribute(request, candidates, _ATTRIBUTE)
        if all(usage is None for usage in usages):
            return average_unknown(candidates, [1.0 - c.metrics.kv_usage for c in candidates])
        return [0.0 if usage is None else min(max(1.0 - usage, 0.0), 1.0) for usage in usages]
