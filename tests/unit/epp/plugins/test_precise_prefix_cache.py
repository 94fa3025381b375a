"""What endpoints hold as their events say: the producer, the older scorer, and their metrics."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from epp.api.data import PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate
from epp.api.metrics import Buckets
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.kvcache.events import Batch, Removed, Stored
from epp.kvcache.settings import IndexerConfig, KvBlockIndexConfig
from epp.plugins.producers.precise_prefix_cache import PrecisePrefixCacheProducer
from epp.plugins.scorers.precise_prefix_cache import PrecisePrefixCacheScorer

Pod = Callable[..., Candidate]
PROMPT = list(range(1, 13))


def stored(tokens: Sequence[int], first: int = 100) -> Batch:
    """Blocks of 4 tokens."""
    hashes = list(range(first, first + len(tokens) // 4))
    return Batch([Stored(hashes, None, list(tokens), 4)], 0)


def with_tokens(tokens: Sequence[int]) -> Request:
    request = Request("r", {}, "llama", "llama")
    publish(request, "tokens", Tokens([tokens], is_exact=True))
    return request


def connected(plugin: PrecisePrefixCacheProducer) -> None:
    plugin.connect("precise", {"precise": Instance("precise", "t", plugin)})


def shown(plugin: PrecisePrefixCacheProducer) -> dict[str, Any]:
    """Return the value of each family, or its values by label."""
    values: dict[str, Any] = {}
    for family in plugin.metrics():
        by_label = {"".join(labels): value for labels, value in family.samples}
        values[family.name] = by_label if family.labels else by_label[""]
    return values


def test_the_producer_finds_the_leading_blocks_that_events_told_of(pod: Pod) -> None:
    plugin = PrecisePrefixCacheProducer()
    connected(plugin)
    pool = [pod(), pod()]
    plugin.cache.index.apply(0, stored(PROMPT))
    plugin.cache.index.apply(1, stored(PROMPT[:4]))
    request = with_tokens(PROMPT)

    assert plugin.produce(request, pool) is None

    assert find(request, PrefixMatch, "precise") == PrefixMatch({0: 3, 1: 1}, 3, 4)

    plugin.endpoint_gone(pool[0].endpoint)
    later = with_tokens(PROMPT)
    plugin.produce(later, pool)
    assert find(later, PrefixMatch, "precise") == PrefixMatch({1: 1}, 3, 4)


def test_tokens_that_are_estimates_match_nothing(pod: Pod) -> None:
    plugin = PrecisePrefixCacheProducer()
    connected(plugin)
    plugin.cache.index.apply(0, stored(PROMPT))
    request = Request("r", {}, "llama", "llama")
    publish(request, "tokens", Tokens([PROMPT]))

    plugin.produce(request, [pod()])

    assert find(request, PrefixMatch, "precise") is None


def test_the_older_scorer_scores_the_share_of_the_prompt_that_is_held(pod: Pod) -> None:
    plugin = PrecisePrefixCacheScorer()
    connected(plugin)
    pool = [pod(), pod(), pod()]
    plugin.cache.index.apply(0, stored(PROMPT))
    plugin.cache.index.apply(2, stored(PROMPT[:4]))

    assert plugin.score(with_tokens(PROMPT), pool) == pytest.approx([1, 0, 1 / 3])
    assert plugin.score(Request("r", {}), pool) == [0, 0, 0]


def test_dispatches_count_as_held_until_events_tell_if_that_is_wanted(pod: Pod) -> None:
    plugin = PrecisePrefixCacheProducer(speculative_indexing=True)
    connected(plugin)
    pool = [pod(), pod()]
    tokens = list(range(64))
    first, second = with_tokens(tokens), with_tokens(tokens)

    plugin.produce(first, pool)
    plugin.dispatched(first, Decision((pool[1].endpoint,)), pool)
    plugin.produce(second, pool)

    assert find(second, PrefixMatch, "precise") == PrefixMatch({1: 4}, 4, 16)


def test_index_and_lookups_are_counted(pod: Pod) -> None:
    plugin = PrecisePrefixCacheProducer()
    connected(plugin)
    pool = [pod(), pod()]
    index = plugin.cache.index
    index.apply(0, stored(PROMPT))
    index.apply(1, stored(PROMPT[:8]))
    index.apply(1, Batch([Removed([101])], 0))
    for tokens in (PROMPT, PROMPT[:8], [9, 9, 9, 9]):
        plugin.produce(with_tokens(tokens), pool)

    values = shown(plugin)

    latency = values.pop("kvcache_index_lookup_latency_seconds")
    assert isinstance(latency, Buckets)
    assert sum(latency.counts) == 3
    assert latency.total > 0
    assert values == {
        "kvcache_index_admissions_total": 2,
        "kvcache_index_evictions_total": 1,
        "kvcache_index_lookup_requests_total": 3,
        "kvcache_index_lookup_hits_total": 2,
        "kvcache_index_max_pod_hit_count_total": 5,
        "kvcache_kvevents_lost_messages_total": 0,
        "kvcache_kvevents_restarts_total": 0,
        "kvcache_kvevents_events_total": {"removed": 1, "stored": 2},
        "kvcache_index_blocks": 4,
    }


def test_who_wants_no_metrics_of_the_index_gets_none() -> None:
    indexer = IndexerConfig(kv_block_index_config=KvBlockIndexConfig(enable_metrics=False))

    assert not list(PrecisePrefixCacheProducer(indexer_config=indexer).metrics())
