"""Shows in the metrics what the prefix caches know."""

from collections.abc import Sequence

from epp.api.plugin import Instance
from epp.metrics.recorder import EppMetrics
from epp.plugins.producers.approx_prefix_cache import ApproxPrefixCacheProducer
from epp.plugins.producers.precise_prefix_cache import PrecisePrefixCacheProducer
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer


def follow_prefix_caches(instances: Sequence[Instance], metrics: EppMetrics) -> None:
    """Have the metrics told of every prefix match, and show the size of the indexes."""
    plugins = [instance.plugin for instance in instances]
    scorers = [plugin for plugin in plugins if isinstance(plugin, PrefixCacheScorer)]
    producers = [plugin for plugin in plugins if isinstance(plugin, ApproxPrefixCacheProducer)]
    caches = [plugin.cache for plugin in plugins if isinstance(plugin, PrecisePrefixCacheProducer)]
    for scorer in scorers:
        scorer.hits.note = metrics.prefix_matched
    for producer in producers:
        producer.memory.note = metrics.prefix_matched
    for cache in caches:
        cache.note = metrics.prefix_matched

    def size() -> float:
        histories = [scorer.history for scorer in scorers]
        histories += [producer.history for producer in producers]
        sizes = [history.index.size for history in histories]
        return float(sum(sizes) + sum(cache.index.size for cache in caches))

    metrics.prefix_indexer_size = size
