"""dcgm-extractor: how busy the GPUs of an endpoint are.

What:
    Keeps the utilization of the busiest GPU of each endpoint as its attribute GPUUtilization.

Formula:
    The greatest DCGM_FI_DEV_GPU_UTIL / 100 among the samples without a pod label, or with the
    endpoint's pod in it.

Reads:
    Answers of a dcgm-data-source.

Parameters:
    None.

When to use:
    With endpoint-attribute-scorer or -filter on GPUUtilization.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from epp.api.data import EndpointAttributes
from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Instance
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.datalayer.attributes import Attributes
from epp.datalayer.exposition import samples
from epp.datalayer.sources import Unusable

UTILIZATION = "DCGM_FI_DEV_GPU_UTIL"
ATTRIBUTE = "GPUUtilization"


@plugin("dcgm-extractor", Family.EXTRACTOR, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class DcgmExtractor:
    """Reads the utilization of GPUs."""

    reads: ClassVar[frozenset[str]] = frozenset({"metrics"})
    produces: ClassVar[frozenset[type]] = frozenset({EndpointAttributes})
    consumes: ClassVar[frozenset[type]] = frozenset()

    attributes: Attributes = field(init=False, repr=False, default_factory=Attributes)
    name: str = field(init=False, repr=False, default="dcgm-extractor")

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Share attributes with other extractors."""
        object.__setattr__(self, "name", name)
        self.attributes.join(instances)
        return ""

    def extract(self, endpoint: Endpoint, body: bytes) -> None:
        """Keep the utilization of the busiest GPU.

        Raises:
            Unusable: there is none of this endpoint.
        """
        pods = {"", endpoint.name, endpoint.name.rpartition("-rank-")[0] or endpoint.name}
        values = [
            value for labels, value in samples(body, UTILIZATION) if labels.get("pod", "") in pods
        ]
        if not values:
            raise Unusable(f"no {UTILIZATION} of this pod")
        share = min(1.0, max(0.0, max(values) / 100))
        self.attributes.put(endpoint.slot, {ATTRIBUTE: share})

    def forget(self, endpoint: Endpoint) -> None:
        """Drop what is known of the endpoint."""
        self.attributes.forget(endpoint.slot)

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the utilization of the endpoints."""
        del candidates
        self.attributes.publish(request, self.name)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the endpoint."""
        self.forget(endpoint)
