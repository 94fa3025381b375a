"""Figures of clusters."""

from collections.abc import Callable
from functools import partial
from typing import Any

from epp.api.endpoint import Candidate
from epp.api.parameters import Seconds
from epp.api.request import Request
from epp.config import load
from epp.datalayer.exposition import Reader
from epp.metrics.exposition import expose
from epp.metrics.recorder import EppMetrics
from epp.plugins.extractors.multicluster_metrics import MulticlusterMetricsExtractor
from epp.plugins.sources.metrics import MetricsDataSource
from epp.plugins.sources.multicluster_metrics import MulticlusterMetricsDataSource

CONFIG = """apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: multicluster-metrics-data-source
  parameters: {path: /load, interval: 1s, port: 9100}
dataLayer:
  sources: [{pluginRef: multicluster-metrics-data-source}]
"""
SCORED = """apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: multicluster-queue-scorer
- type: multicluster-kv-cache-utilization-scorer
- type: multicluster-metrics-data-source
- type: multicluster-metrics-extractor
dataLayer:
  sources:
  - pluginRef: multicluster-metrics-data-source
    extractors: [{pluginRef: multicluster-metrics-extractor}]
"""


def test_clusters_are_asked_for_their_load_as_endpoints_are() -> None:
    source = load(CONFIG).data.load_source

    assert source is not None
    assert isinstance(source.plugin, MulticlusterMetricsDataSource)
    asked = MetricsDataSource(
        path="/load", interval=Seconds(1), port=9100, insecure_skip_verify=False
    ).polling()
    assert source.plugin.polling() == asked


async def test_a_cluster_is_as_loaded_as_its_own_epp_says(pod: Callable[..., Candidate]) -> None:
    config = load(SCORED)
    instance = config.data.load_extractor
    assert instance is not None
    extractor = instance.plugin
    assert isinstance(extractor, MulticlusterMetricsExtractor)
    engine = extractor.engines().of({"llm-d.ai/engine-type": "vllm"})
    assert engine is not None
    clusters = [pod(), pod(), pod()]
    request = Request("id", {})

    for cluster, queue in zip(clusters, (4, 0, 1), strict=True):
        metrics = EppMetrics()
        metrics.follow_pool("pool", partial(list, (pod(queue, queue / 5), pod(1))))
        reading = Reader(engine).read(await expose(metrics), 1.0)
        assert reading.metrics.kv_usage == queue / 10
        assert not reading.missing
        assert (*reading.custom.values(),) == ((queue + 1) / 2, queue / 10)
        extractor.attributes.put(cluster.endpoint.slot, reading.custom)
    for producer in config.producers:
        producer.produce(request, clusters)

    scorers: dict[str, Any] = {i.type: i.plugin for i in config.instances}
    for kind in ("multicluster-queue-scorer", "multicluster-kv-cache-utilization-scorer"):
        worst, best, middle = scorers[kind].score(request, clusters)
        assert worst < middle < best
