"""topology-extractor: which pod labels say where a pod is.

What:
    Names the pod labels that hold a pod's host, rack, zone and region.

Formula:
    None.

Reads:
    Labels of the pods.

Parameters:
    hostname: label with the host.
    rack: label with the rack.
    zone: label with the zone.
    region: label with the region.

When to use:
    With topology-affinity-scorer, where the labels are other ones than Kubernetes' own.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.endpoint import Endpoint
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.scheduling.topology import Place


@plugin("topology-extractor", Family.EXTRACTOR, is_alpha=True)
@dataclass(frozen=True, slots=True)
class TopologyExtractor:
    """Names labels."""

    hostname: Annotated[str, Param("Label with the host.", minimum=1)] = "kubernetes.io/hostname"
    rack: Annotated[str, Param("Label with the rack.", minimum=1)] = "topology.kubernetes.io/rack"
    zone: Annotated[str, Param("Label with the zone.", minimum=1)] = "topology.kubernetes.io/zone"
    region: Annotated[str, Param("Label with the region.", minimum=1)] = (
        "topology.kubernetes.io/region"
    )

    reads: ClassVar[frozenset[str]] = frozenset({"endpoints", "objects"})

    def locate(self, endpoint: Endpoint) -> Place:
        """Return where the endpoint is, as far as its labels say."""
        label = endpoint.labels.get
        return Place(
            label(self.hostname, ""),
            label(self.rack, ""),
            label(self.zone, ""),
            label(self.region, ""),
        )
