"""Figures of clusters."""

from epp.api.parameters import Seconds
from epp.config import load
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


def test_clusters_are_asked_for_their_load_as_endpoints_are() -> None:
    source = load(CONFIG).data.load_source

    assert source is not None
    assert isinstance(source.plugin, MulticlusterMetricsDataSource)
    asked = MetricsDataSource(path="/load", interval=Seconds(1), port=9100).polling()
    assert source.plugin.polling() == asked
