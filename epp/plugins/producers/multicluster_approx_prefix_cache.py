"""multicluster-approx-prefix-cache-producer: how much of a prompt each cluster was sent before.

What:
    approx-prefix-cache-producer for an EPP whose endpoints are clusters.

Formula:
    As approx-prefix-cache-producer.

Reads:
    As approx-prefix-cache-producer; clusters report neither block size nor number of blocks, so
    that the configured ones count.

Parameters:
    autoTune: use the block size and capacity that endpoints report, where they do.
    blockSize: bytes in a block, as in GAIE 1.3; only if blockSizeTokens is not given.
    blockSizeTokens: tokens in a block, 4 bytes of prompt each; 0 stands for 16.
    maxPrefixBlocksToMatch: blocks of a prompt that are looked at; 0 stands for 256, or 2048.
    maxPrefixTokensToMatch: the same limit in tokens, which goes first; 0 leaves it to the blocks.
    lruCapacityPerServer: blocks remembered for each cluster; 0 stands for 31250.
    strictCompatibility: count exactly as GAIE does.

When to use:
    In front of several clusters, beside multicluster-prefix-cache-scorer.
"""

from dataclasses import dataclass

from epp.api.registry import Family, plugin
from epp.plugins.producers.approx_prefix_cache import ApproxPrefixCacheProducer


@plugin("multicluster-approx-prefix-cache-producer", Family.PRODUCER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class MulticlusterApproxPrefixCacheProducer(ApproxPrefixCacheProducer):
    """Publishes what was sent to which cluster."""
