"""Plugins around prefix matches: those that read them, and those that find something alike."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.data import (
    InflightLoad,
    LatencyPrediction,
    MultimodalItems,
    PrefixMatch,
    find,
    publish,
)
from epp.api.endpoint import Candidate, Endpoint
from epp.api.request import Decision, Request
from epp.kvcache.burst import Waiting, assign
from epp.plugins.filters.prefix_cache_affinity import PrefixCacheAffinityFilter
from epp.plugins.producers.burst_prefix_cache import BurstPrefixCacheProducer
from epp.plugins.producers.mm_embeddings_cache import MmEmbeddingsCacheProducer
from epp.plugins.producers.p2p_source import HEADER, P2pSourceProducer
from epp.plugins.scorers.mm_embeddings_cache import MmEmbeddingsCacheScorer
from epp.plugins.scorers.no_hit_lru import NoHitLruScorer

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


def slots(candidates: Sequence[Candidate]) -> list[int]:
    return [candidate.endpoint.slot for candidate in candidates]


def matching(blocks: dict[int, float], total: int = 10) -> Request:
    request = Request("id", {}, "m", "m")
    publish(request, "approx", PrefixMatch(blocks, total, 16))
    return request


def stays(**parameters: Any) -> PrefixCacheAffinityFilter:
    return PrefixCacheAffinityFilter(exploration_probability=0.0, **parameters)


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        ({0: 8, 1: 7.9}, [0]),
        ({0: 8, 2: 10}, [0, 2]),
        ({0: 7}, [0, 1, 2]),
        ({}, [0, 1, 2]),
        ({0: 9, 1: 9, 2: 9}, [0, 1, 2]),
    ],
)
def test_affinity_keeps_who_has_most_of_the_prompt(
    pod: Pod, blocks: dict[int, float], kept: list[int]
) -> None:
    assert slots(stays().filter(matching(blocks), [pod(), pod(), pod()])) == kept


def test_affinity_without_matches_or_threshold_keeps_everybody(pod: Pod, ask: Ask) -> None:
    pods = [pod(), pod()]

    assert stays().filter(ask(), pods) == pods
    assert stays(affinity_threshold=0.0).filter(matching({0: 10}), pods) == pods
    assert stays().filter(matching({0: 0}, 0), pods) == pods


@pytest.mark.parametrize(
    ("ttft", "penalty", "kept"),
    [
        ({0: 6.0, 1: 0.9}, 5000.0, [0, 1]),
        ({0: 5.9, 1: 0.9}, 5000.0, [0]),
        ({0: 60.0, 1: 0.9}, 0.0, [0]),
        ({0: 60.0}, 5000.0, [0]),
    ],
)
def test_affinity_gives_way_to_much_faster_endpoints(
    pod: Pod, ttft: dict[int, float], penalty: float, kept: list[int]
) -> None:
    request = matching({0: 10})
    publish(request, "predicted", LatencyPrediction(ttft, {}))

    chosen = stays(max_ttft_penalty_ms=penalty).filter(request, [pod(), pod()])
    assert slots(chosen) == kept


@pytest.mark.parametrize(("tokens", "kept"), [(5000, 1), (5001, 2)])
def test_affinity_gives_way_where_many_tokens_wait_to_be_prefilled(
    pod: Pod, tokens: int, kept: int
) -> None:
    chosen = stays(ttft_source="prefillThroughput", peak_prefill_throughput=1000.0)
    request, pods = matching({0: 10}), [pod(), pod()]
    publish(request, "inflight", InflightLoad({}, {0: tokens}))

    assert chosen.filter(request, pods) == pods[:kept]


def test_affinity_explores_sometimes(pod: Pod) -> None:
    explores = PrefixCacheAffinityFilter(exploration_probability=0.25)
    pods = [pod(), pod()]
    kept: Counter[int] = Counter()
    for number in range(2000):
        request = matching({0: 10})
        request.received_at = number * 0.001
        kept[len(explores.filter(request, pods))] += 1

    assert 400 < kept[2] < 600


def send(scorer: NoHitLruScorer, request: Request, to: Candidate, **others: Candidate) -> None:
    results = {name: Decision((one.endpoint,)) for name, one in others.items()}
    scorer.dispatched(request, Decision((to.endpoint,), others=results), [])


def test_prompts_that_nobody_has_go_where_none_went_or_longest_ago(pod: Pod) -> None:
    scorer, pods = NoHitLruScorer(), [pod(), pod(), pod(), pod(), pod()]

    assert scorer.score(matching({}), pods) == [1.0] * 5

    send(scorer, matching({}), pods[1], prefill=pods[3])
    send(scorer, matching({0: 1}), pods[0])

    assert scorer.score(matching({}), pods) == [1.0, 0.25, 1.0, 0.0, 1.0]
    assert scorer.score(matching({2: 1}), pods) == [0.5] * 5

    send(scorer, matching({}), pods[1])

    assert scorer.score(matching({}), pods) == [1.0, 0.0, 1.0, 0.25, 1.0]

    scorer.endpoint_gone(pods[1].endpoint)

    assert scorer.score(matching({}), pods[1:2]) == [1.0]


def test_remembered_endpoints_are_bounded(pod: Pod) -> None:
    scorer, pods = NoHitLruScorer(lru_size=2), [pod(), pod(), pod()]
    for one in pods:
        send(scorer, matching({}), one)

    assert list(scorer.recent) == [1, 2]


def seeing(*urls: str) -> Request:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    messages = [{"role": "user", "content": [{"type": "text", "text": "see"}, *parts]}]
    return Request("id", {}, "m", "m", body={"messages": messages})


def test_images_go_where_they_were_seen(pod: Pod) -> None:
    producer, scorer = MmEmbeddingsCacheProducer(), MmEmbeddingsCacheScorer()
    pods = [pod(), pod()]

    def scores(request: Request, to: int | None = None) -> list[float]:
        producer.produce(request, pods)
        made = scorer.score(request, pods)
        if to is not None:
            producer.dispatched(request, Decision((pods[to].endpoint,)), pods)
        return made

    assert scores(seeing("a", "b"), to=0) == [0.0, 0.0]
    assert scores(seeing("b"), to=1) == [1.0, 0.0]
    assert scores(seeing("a", "b", "b", "c")) == [2 / 3, 1 / 3]
    assert scores(seeing()) == [0.0, 0.0]

    figures = {family.name: list(family.samples) for family in producer.metrics()}
    labels = ("mm-embeddings-cache-producer", "mm-embeddings-cache-producer", "image")
    assert figures["llm_d_epp_encoder_cache_queries_total"] == [(labels, 3)]
    assert figures["llm_d_epp_encoder_cache_hits_total"] == [(labels, 0)]

    producer.endpoint_gone(pods[0].endpoint)

    assert scores(seeing("a", "b")) == [0.0, 0.5]


def test_an_encoder_cache_holds_what_fits(pod: Pod) -> None:
    producer, one = MmEmbeddingsCacheProducer(cache_size_in_mb_per_server=4), pod()
    for url in "abc":
        request = seeing(url)
        producer.produce(request, [one])
        producer.dispatched(request, Decision((one.endpoint,)), [one])
    request = seeing(*"abc")
    producer.produce(request, [one])
    items = find(request, MultimodalItems)

    assert items is not None
    assert items.matched == {0: 2}


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"messages": 7},
        {"messages": [7, {"content": [7, {"type": 5}, {"type": "image_url", "image_url": "x"}]}]},
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": 5}}]}]},
    ],
)
def test_odd_bodies_have_no_images(body: Any) -> None:
    request = Request("id", {}, "m", "m", body=body)
    MmEmbeddingsCacheProducer().produce(request, [])

    assert find(request, MultimodalItems) is None


def source(request: Request, pods: list[Candidate], to: int, **prefill: int) -> dict[str, str]:
    producer = P2pSourceProducer(min_cached_token_delta=32)
    producer.produce(request, pods)
    others = {name: Decision((pods[at].endpoint,)) for name, at in prefill.items()}
    amended = producer.amend(request, Decision((pods[to].endpoint,), others=others))
    assert bool(amended.headers) != (HEADER in amended.removed_headers)
    return dict(amended.headers)


def test_the_endpoint_that_holds_most_is_named_to_one_that_holds_less(pod: Pod) -> None:
    pods = [pod(), pod(), pod()]
    blocks = {1: 4.0, 2: 2.0}

    assert source(matching(blocks), pods, to=0) == {HEADER: "192.168.1.2:8000"}
    assert source(matching(blocks), pods, to=1) == {}
    assert source(matching(blocks), pods, to=1, prefill=2) == {HEADER: "192.168.1.2:8000"}
    assert source(matching({1: 4.0, 2: 3.0}), pods, to=2) == {}
    assert source(matching({}), pods, to=0) == {}


def test_of_equal_sources_the_less_busy_one_is_drawn_more_often(pod: Pod) -> None:
    pods = [pod(), pod(queue=0), pod(queue=3)]
    drawn: Counter[str] = Counter()
    for number in range(2000):
        request = matching({1: 4, 2: 4})
        request.received_at = number * 0.001
        drawn[source(request, pods, to=0)[HEADER]] += 1

    assert 1500 < drawn["192.168.1.2:8000"] < 1700


async def together(
    producer: BurstPrefixCacheProducer, requests: list[Request], pods: list[Candidate]
) -> list[dict[int, float] | None]:
    await asyncio.gather(*(producer.produce(request, pods) for request in requests))
    found = [find(request, PrefixMatch) for request in requests]
    return [None if match is None else dict(match.blocks) for match in found]


async def test_equal_prompts_of_a_window_belong_together(pod: Pod, ask: Ask) -> None:
    producer = BurstPrefixCacheProducer(window_duration_ms=10, block_size_tokens=1)
    pods = [pod(), pod()]
    requests = [ask(prompt=text) for text in ("aaaabbbb", "cccc", "aaaabbbb", "dddd", "cccc", "x")]

    matches = await together(producer, requests, pods)

    assert matches[0] == matches[2]
    assert matches[1] == matches[4]
    assert matches[0] != matches[1]
    assert matches[3] == {}
    assert matches[5] is None


async def test_a_request_whose_client_left_holds_nobody_up(pod: Pod, ask: Ask) -> None:
    producer = BurstPrefixCacheProducer(window_duration_ms=10, block_size_tokens=1)
    pods = [pod()]
    left = asyncio.ensure_future(producer.produce(ask(prompt="aaaa"), pods))
    await asyncio.sleep(0)
    left.cancel()

    matches = await together(producer, [ask(prompt="aaaa"), ask(prompt="aaaa")], pods)
    assert matches == [{0: 1}, {0: 1}]


def placed(window: list[str], pods: list[Candidate], per: int = -1, alike: int = 0) -> list[Any]:
    waiting = [Waiting(tuple(map(ord, names)), pods, None) for names in window]  # type: ignore[arg-type]
    return assign(waiting, per, alike)


def test_a_unit_that_is_too_large_for_one_endpoint_fills_several(pod: Pod) -> None:
    assert Counter(placed(["ab"] * 5, [pod(), pod(), pod()], per=2)) == {0: 2, 1: 2, 2: 1}


def test_single_requests_that_begin_alike_join_within_their_share(pod: Pod) -> None:
    pods = [pod(), pod()]

    assert placed(["abc", "abd"], pods) == [None, None]
    assert placed(["abc", "abd", "xy"], pods, alike=2) == [0, 1, None]
    assert placed(["abc", "abd", "pqr", "pqs"], pods, alike=2) == [0, 0, 1, 1]


@given(
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=12),
    st.integers(-1, 3),
    st.integers(0, 3),
)
def test_equal_prompts_stay_together_and_nobody_exceeds_the_limit(
    window: list[str], per: int, alike: int
) -> None:
    pods = [Candidate(Endpoint(f"p{n}", "d", "10.0.0.1", 8000, slot=n)) for n in range(3)]
    result = placed(window, pods, per, alike)
    for text, count in Counter(window).items():
        homes = Counter(slot for name, slot in zip(window, result, strict=True) if name == text)
        if count > 1:
            assert None not in homes
            assert per <= 0 or len(homes) <= -(-count // per)
            assert per > 0 or len(homes) == 1
