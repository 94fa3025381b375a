"""model-server-protocol-metrics: older name of core-metrics-extractor.

What:
    As core-metrics-extractor.

Formula:
    As core-metrics-extractor.

Reads:
    Answers of a metrics-data-source.

Parameters:
    engineLabelKey: pod label that names the engine.
    defaultEngine: engine of pods without the label.
    engineConfigs: engines of your own.

When to use:
    Only to keep an older configuration as it is.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.plugins.extractors.core_metrics import CoreMetricsExtractor


@plugin("model-server-protocol-metrics", Family.EXTRACTOR, successor="core-metrics-extractor")
@dataclass(frozen=True, slots=True, eq=False)
class ModelServerProtocolMetrics(CoreMetricsExtractor):
    """Knows the metrics of each engine."""
