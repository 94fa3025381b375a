"""precise-prefix-cache-scorer: go where the prompt's beginning is held.

What:
    precise-prefix-cache-producer and prefix-cache-scorer in one, as llm-d had it first.

Formula:
    Leading blocks of the prompt that are held there / full blocks of the prompt; 0 where the
    prompt's tokens are not known.

Reads:
    As precise-prefix-cache-producer.

Parameters:
    tokenProcessorConfig: how tokens become blocks.
    indexerConfig: bounds of the index, tiers, and tokenizers for want of a token-producer.
    kvEventsConfig: where events come from.
    speculativeIndexing: count a prompt as held where it is sent, until events tell.
    speculativeTTL: for how long.

When to use:
    Only in configurations that have it already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.plugins.producers.precise_prefix_cache import PrecisePrefixCacheProducer


@plugin(
    "precise-prefix-cache-scorer",
    Family.SCORER,
    Family.PRODUCER,
    successor="precise-prefix-cache-producer",
)
@dataclass(frozen=True, slots=True, eq=False)
class PrecisePrefixCacheScorer(PrecisePrefixCacheProducer):
    """Scores by the share of the prompt's blocks that is held there."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return how much of the prompt each candidate holds."""
        match = self.cache.find(request)
        if match is None or not match.total:
            return [0.0] * len(candidates)
        return [match.blocks.get(c.endpoint.slot, 0.0) / match.total for c in candidates]
