"""multicluster-metrics-data-source: the Prometheus metrics of clusters' gateways.

What:
    metrics-data-source for an EPP whose endpoints are clusters. Their certificates are verified
    unless told otherwise, for what is asked is beyond the cluster's own network.

Formula:
    None.

Reads:
    GET of the path at each cluster.

Parameters:
    scheme: http or https.
    path: the path; that of the endpoint's engine if empty, which is /metrics for most.
    insecureSkipVerify: do not verify the clusters' certificates.
    interval: time between two polls of an endpoint; --refresh-metrics-interval by default.
    port: instead of the endpoint's own; 0 is its own.
    caCertPath: file with the authorities of the endpoints' certificates.
    clientCertPath: file with a client certificate.
    clientKeyPath: file with its key.
    families: has no effect; only what is needed is read anyway.

When to use:
    In front of several clusters, with multicluster-metrics-extractor; or with another extractor
    whose engineConfigs name what the clusters' gateways show.
"""

from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.plugins.sources.metrics import MetricsDataSource


@plugin("multicluster-metrics-data-source", Family.DATA_SOURCE, is_alpha=True)
@dataclass(frozen=True, slots=True)
class MulticlusterMetricsDataSource(MetricsDataSource):
    """Polls metrics of clusters."""

    insecure_skip_verify: Annotated[
        bool | None, Param("Do not verify the clusters' certificates.")
    ] = False
