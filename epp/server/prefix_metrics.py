"""Shows in the metrics what the prefix-cache scorers know."""

from collections.abc import Sequence

from epp.api.plugin import Instance
from epp.metrics.recorder import EppMetrics
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer


def follow_prefix_caches(instances: Sequence[Instance], metrics: EppMetrics) -> None:
    """Have the metrics told of every prefix match, and show the size of the indexes."""
    plugins = [instance.plugin for instance in instances]
    scorers = [plugin for plugin in plugins if isinstance(plugin, PrefixCacheScorer)]
    for scorer in scorers:
        scorer.hits.note = metrics.prefix_matched
    metrics.prefix_indexer_size = lambda: float(sum(scorer.index.size for scorer in scorers))
