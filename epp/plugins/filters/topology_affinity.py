"""topology-affinity-filter: near to where the prompt is read.

What:
    Keeps the endpoints that are near to the one chosen for prefill.

Formula:
    Kept when it shares with that endpoint the level minAffinity or a nearer one; host is nearer
    than rack, rack than zone, zone than region. All are kept when nobody knows where that endpoint
    is, or none is near enough.

Reads:
    Labels of the endpoints' pods, those that topology-extractor names or else those of Kubernetes;
    the choice of the prefill profile, or a request header that describes a place as
    host=a,rack=b,zone=c,region=d.

Parameters:
    topologyProducerName: which topology-extractor; the first one by default.
    peerTopologyHeader: request header with the place of an endpoint that another EPP chose. Name
        one only if clients cannot set it.
    minAffinity: how near it must be.

When to use:
    When KV-cache blocks travel from prefill to decode over links that differ much in speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.topology import LEVELS, TopologyAffinity


@plugin("topology-affinity-filter", Family.FILTER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class TopologyAffinityFilter(TopologyAffinity):
    """Keeps who is near."""

    min_affinity: Annotated[
        Literal["host", "rack", "zone", "region"], Param("How near it must be.")
    ] = "host"

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those near enough; everybody if there is none."""
        levels = self.levels(request, candidates)
        if levels is None:
            return candidates
        farthest = LEVELS.index(self.min_affinity)
        near = [c for c, level in zip(candidates, levels, strict=True) if level <= farthest]
        return near or candidates
