"""multicluster-prefix-cache-scorer: go to the cluster where the prompt's beginning was seen.

What:
    prefix-cache-scorer for an EPP whose endpoints are clusters.

Formula:
    As prefix-cache-scorer.

Reads:
    As prefix-cache-scorer; clusters report neither block size nor number of blocks, so that the
    configured ones count.

Parameters:
    autoTune: use the block size and capacity that endpoints report, where they do.
    blockSize: bytes in a block, as in GAIE 1.3; only if blockSizeTokens is not given.
    blockSizeTokens: tokens in a block, 4 bytes of prompt each; 0 stands for 16.
    maxPrefixBlocksToMatch: blocks of a prompt that are looked at; 0 stands for 256.
    maxPrefixTokensToMatch: the same limit in tokens; 0 leaves it to maxPrefixBlocksToMatch.
    lruCapacityPerServer: blocks remembered for each cluster; 0 stands for 31250.
    strictCompatibility: count exactly as GAIE does.
    prefixMatchInfoProducerName: whose prefix match to read; by default any producer's.
    matchLengthWeight: how much of the score the length of the match is worth, besides its share.
    matchLengthScaleTokens: tokens of a match that is as long as it matters.

When to use:
    In front of several clusters. A cluster has room for more than one server: give
    lruCapacityPerServer accordingly.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.plugins.scorers.prefix_cache import PrefixCacheScorer


@plugin("multicluster-prefix-cache-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class MulticlusterPrefixCacheScorer(PrefixCacheScorer):
    """Scores clusters by the share of the prompt's blocks that are there."""
