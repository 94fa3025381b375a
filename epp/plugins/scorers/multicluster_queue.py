"""multicluster-queue-scorer: the cluster with the shortest queue wins.

What:
    Prefers clusters whose pools have few requests waiting, where each candidate is a whole cluster.

Formula:
    (max - waiting) / (max - min) over the clusters; 1 for all when they are equal. 0 for a cluster
    without the figure, if another one has it.

Reads:
    The attribute llm-d.ai/multicluster-queue-size, as multicluster-metrics-extractor finds it.
    While no cluster has it, requests waiting as scraped.

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
from epp.scheduling.figures import attribute, share_between
from epp.scheduling.ranking import fewest_first

_ATTRIBUTE = "llm-d.ai/multicluster-queue-size"


@plugin("multicluster-queue-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class MulticlusterQueueScorer:
    """Scores clusters by requests waiting."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the shortest queue and 0 for the longest."""
        queues = attribute(request, candidates, _ATTRIBUTE)
        known = [queue for queue in queues if queue is not None]
        if not known:
            return fewest_first(candidates, [c.waiting for c in candidates])
        least, most = min(known), max(known)
        if least == most:
            return [0.0 if queue is None else 1.0 for queue in queues]
        return [0.0 if q is None else 1.0 - share_between(q, least, most) for q in queues]
