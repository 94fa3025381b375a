"""topology-affinity-scorer: the nearer to where the prompt is read, the better.

What:
    Prefers endpoints that are near to the one chosen for prefill.

Formula:
    1 on the same host, 0.2 in the same rack, 0.05 in the same zone, 0.02 in the same region, else
    0: about as fast as KV-cache blocks travel there. 0 for all when nobody knows where that
    endpoint is.

Reads:
    Labels of the endpoints' pods, those that topology-extractor names or else those of Kubernetes;
    the choice of the prefill profile, or a request header that describes a place as
    host=a,rack=b,zone=c,region=d.

Parameters:
    topologyProducerName: which topology-extractor; the first one by default.
    peerTopologyHeader: request header with the place of an endpoint that another EPP chose. Name
        one only if clients cannot set it.

When to use:
    When KV-cache blocks travel from prefill to decode, and load matters as well as distance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.topology import TopologyAffinity

_SCORES = (1.0, 0.2, 0.05, 0.02, 0.0)


@plugin("topology-affinity-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class TopologyAffinityScorer(TopologyAffinity):
    """Scores by distance."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the same host, and less the farther away."""
        levels = self.levels(request, candidates)
        if levels is None:
            return [0.0] * len(candidates)
        return [_SCORES[level] for level in levels]
