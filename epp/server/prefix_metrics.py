"""Shows in the metrics what the prefix-cache scorers know."""

from collections.abc import Sequence

from epp.api.endpoint import Candidate
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.metrics.recorder import EppMetrics
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer


class PrefixMetrics:
    """Observes dispatches after the scorers did and records what they matched."""

    def __init__(self, instances: Sequence[Instance], metrics: EppMetrics) -> None:
        plugins = [instance.plugin for instance in instances]
        self._scorers = [plugin for plugin in plugins if isinstance(plugin, PrefixCacheScorer)]
        self._metrics = metrics
        metrics.prefix_indexer_size = self._size

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Record the hit that each scorer noted for this request."""
        del request, decision, candidates
        for scorer in self._scorers:
            hit = scorer.last_hit
            self._metrics.prefix_matched(hit.matched_bytes, hit.total_bytes)

    def _size(self) -> float:
        return float(sum(scorer.index.size for scorer in self._scorers))
