"""Scorers that go by load: formulas of llm-d-router and GAIE 1.5."""

from collections.abc import Callable

import pytest

from epp.api.data import EndpointAttributes, InflightLoad, publish
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.plugins.scorers.active_request import ActiveRequestScorer
from epp.plugins.scorers.load_aware import LoadAwareScorer
from epp.plugins.scorers.multicluster_kv_cache_utilization import (
    MulticlusterKvCacheUtilizationScorer,
)
from epp.plugins.scorers.multicluster_queue import MulticlusterQueueScorer
from epp.plugins.scorers.token_load import TokenLoadScorer

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


def test_an_empty_queue_scores_a_half_and_one_at_the_threshold_nothing(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(queue=64), pod(queue=128), pod(queue=9999)]

    assert LoadAwareScorer().score(ask(), pool) == [0.5, 0.25, 0.0, 0.0]
    assert LoadAwareScorer(threshold=1).score(ask(), pool) == [0.5, 0.0, 0.0, 0.0]


def test_a_queue_that_is_unknown_is_an_average_one(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod(queue=128), pod(queue=5, fresh=False)]

    assert LoadAwareScorer().score(ask(), pool) == [0.5, 0.0, 0.25]


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (ActiveRequestScorer(), [1.0, 0.75, 0.5, 0.0]),
        (ActiveRequestScorer(idle_threshold=1), [1.0, 1.0, 0.5, 0.0]),
        (ActiveRequestScorer(max_busy_score=0.5), [1.0, 0.375, 0.25, 0.0]),
        (ActiveRequestScorer(idle_threshold=9, max_busy_score=0), [1.0] * 4),
    ],
)
def test_the_fewer_in_flight_the_better(
    pod: Pod, ask: Ask, scorer: ActiveRequestScorer, expected: list[float]
) -> None:
    pool = [pod(inflight=count) for count in (0, 1, 2, 4)]
    counted, request = [pod() for _ in range(4)], ask()
    slots = [candidate.endpoint.slot for candidate in counted]
    publish(request, "p", InflightLoad(dict(zip(slots, (0, 1, 2, 4), strict=True)), {}))

    assert scorer.score(ask(), pool) == expected
    assert scorer.score(request, counted) == expected


def test_tokens_in_flight_are_measured_against_a_threshold(pod: Pod, ask: Ask) -> None:
    pool, request = [pod(), pod(), pod()], ask()
    publish(request, "p", InflightLoad({}, {1: 250, 2: 5000}))

    assert TokenLoadScorer(1000).score(request, pool) == [1.0, 0.75, 0.0]
    assert TokenLoadScorer(1000).score(ask(), pool) == [1.0, 1.0, 1.0]
    assert TokenLoadScorer().queue_threshold_tokens == 4 * 2**20


def test_clusters_are_scored_by_what_their_pools_say(pod: Pod, ask: Ask) -> None:
    pool, request = [pod(queue=9), pod(), pod()], ask()
    queues = {0: 2.0, 1: 6.0}
    usages = {0: 0.25, 2: 1.5}
    found = {
        "llm-d.ai/multicluster-queue-size": queues,
        "llm-d.ai/multicluster-kv-cache-utilization": usages,
    }
    publish(request, "multicluster-metrics-extractor", EndpointAttributes(found))

    assert MulticlusterQueueScorer().score(request, pool) == [1.0, 0.0, 0.0]
    assert MulticlusterKvCacheUtilizationScorer().score(request, pool) == [0.75, 0.0, 0.0]


def test_clusters_without_such_figures_are_scored_like_pods(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=9, kv=0.5), pod(kv=0.25)]

    assert MulticlusterQueueScorer().score(ask(), pool) == [0.0, 1.0]
    assert MulticlusterKvCacheUtilizationScorer().score(ask(), pool) == [0.5, 0.75]
