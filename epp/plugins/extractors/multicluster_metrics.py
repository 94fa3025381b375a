"""multicluster-metrics-extractor: how loaded whole clusters are, by what their own EPPs show.

What:
    Says which metrics of the EPP in front of a pool hold the figures of that pool. They count as
    the load of the endpoint that stands for the cluster, and are attributes of it.

Formula:
    llm-d.ai/multicluster-queue-size is llm_d_epp_average_queue_size, and
    llm-d.ai/multicluster-kv-cache-utilization is llm_d_epp_average_kv_cache_utilization.

Reads:
    Answers of a multicluster-metrics-data-source.

Parameters:
    None.

When to use:
    In an EPP that chooses between clusters, with multicluster-queue-scorer and
    multicluster-kv-cache-utilization-scorer.
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
from epp.datalayer.engines import CustomMetric, Engine, Engines, MetricSpec

_QUEUE = MetricSpec("llm_d_epp_average_queue_size")
_KV_CACHE = MetricSpec("llm_d_epp_average_kv_cache_utilization")

POOL = Engines(
    Engine(
        "pool",
        waiting=_QUEUE,
        running=MetricSpec("llm_d_epp_average_running_requests"),
        kv_usage=_KV_CACHE,
        custom=(
            CustomMetric("llm-d.ai/multicluster-queue-size", _QUEUE),
            CustomMetric("llm-d.ai/multicluster-kv-cache-utilization", _KV_CACHE),
        ),
    ),
    by_name={},
    label_keys=(),
)
"""The means over a pool, as llm-d-router shows them, and this EPP."""


@plugin("multicluster-metrics-extractor", Family.EXTRACTOR, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class MulticlusterMetricsExtractor:
    """Knows the metrics of a pool."""

    reads: ClassVar[frozenset[str]] = frozenset({"metrics"})
    produces: ClassVar[frozenset[type]] = frozenset({EndpointAttributes})
    consumes: ClassVar[frozenset[type]] = frozenset()

    attributes: Attributes = field(init=False, repr=False, default_factory=Attributes)
    name: str = field(init=False, repr=False, default="multicluster-metrics-extractor")

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Share attributes with other extractors."""
        object.__setattr__(self, "name", name)
        self.attributes.join(instances)
        return ""

    def engines(self) -> Engines:
        """Return how the EPP of a cluster writes its figures."""
        return POOL

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Publish the figures of the clusters."""
        del candidates
        self.attributes.publish(request, self.name)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the cluster's figures."""
        self.attributes.forget(endpoint.slot)
