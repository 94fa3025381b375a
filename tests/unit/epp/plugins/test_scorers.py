from collections.abc import Callable

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import Scorer
from epp.api.request import Request
from epp.plugins.scorers.kv_cache_utilization import KvCacheUtilizationScorer
from epp.plugins.scorers.lora_affinity import LoraAffinityScorer
from epp.plugins.scorers.queue import QueueScorer
from epp.plugins.scorers.running_requests_size import RunningRequestsSizeScorer

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


def test_queues_score_in_proportion_between_the_longest_and_the_shortest(
    pod: Pod, ask: Ask
) -> None:
    pool = [pod(queue=10), pod(queue=4), pod(queue=0)]

    assert QueueScorer().score(ask(), pool) == [0.0, 0.6, 1.0]


def test_running_requests_score_in_proportion_and_queues_do_not_matter(pod: Pod, ask: Ask) -> None:
    pool = [pod(running=8, queue=0), pod(running=2, queue=9), pod(running=4)]

    assert RunningRequestsSizeScorer().score(ask(), pool) == [0.0, 1.0, pytest.approx(2 / 3)]


@pytest.mark.parametrize("scorer", [QueueScorer(), RunningRequestsSizeScorer()])
def test_equal_loads_all_score_1(pod: Pod, ask: Ask, scorer: Scorer) -> None:
    assert scorer.score(ask(), [pod(queue=3, running=3), pod(queue=3, running=3)]) == [1.0, 1.0]


LOADS = pytest.mark.parametrize("scorer", [QueueScorer(), RunningRequestsSizeScorer()])


@LOADS
def test_an_unknown_load_scores_what_the_known_ones_do_on_average(
    pod: Pod, ask: Ask, scorer: Scorer
) -> None:
    pool = [
        pod(queue=100, running=100, fresh=False),
        pod(queue=4, running=4),
        pod(queue=1, running=1),
        pod(queue=1, running=1),
    ]

    assert scorer.score(ask(), pool) == [pytest.approx(2 / 3), 0.0, 1.0, 1.0]
    assert scorer.score(ask(), pool[:2]) == [1.0, 1.0]


@LOADS
def test_an_unknown_load_grows_with_our_own_requests_in_flight(
    pod: Pod, ask: Ask, scorer: Scorer
) -> None:
    pool = [
        pod(fresh=False, inflight=9),
        pod(queue=4, running=4, inflight=5),
        pod(queue=0, running=0, inflight=3),
    ]

    assert scorer.score(ask(), pool) == [0.0, pytest.approx(3 / 7), 1.0]


@LOADS
def test_an_unknown_load_is_never_better_than_the_best_known_one(
    pod: Pod, ask: Ask, scorer: Scorer
) -> None:
    pool = [
        pod(fresh=False, inflight=0),
        pod(queue=4, running=4, inflight=90),
        pod(queue=2, running=2, inflight=90),
    ]

    assert scorer.score(ask(), pool) == [1.0, 0.0, 1.0]


@LOADS
def test_with_no_load_known_our_own_requests_in_flight_are_ranked(
    pod: Pod, ask: Ask, scorer: Scorer
) -> None:
    pool = [pod(queue=n, running=n, fresh=False, inflight=8 - 4 * n) for n in range(3)]

    assert scorer.score(ask(), pool) == [0.0, 0.5, 1.0]


def test_the_free_share_of_the_cache_is_the_score_and_the_average_where_it_is_unknown(
    pod: Pod, ask: Ask
) -> None:
    pool = [pod(kv=0.25), pod(kv=1.0), pod(kv=0.0, fresh=False)]

    assert KvCacheUtilizationScorer().score(ask(), pool) == [0.75, 0.0, 0.375]


@pytest.mark.parametrize("scorer", [KvCacheUtilizationScorer(), LoraAffinityScorer()])
def test_with_nothing_known_all_are_neutral(pod: Pod, ask: Ask, scorer: Scorer) -> None:
    pool = [pod(kv=0.25, fresh=False), pod(kv=1.0, active="llama", fresh=False)]

    assert scorer.score(ask("llama"), pool) == [0.5, 0.5]


def test_without_adapters_anywhere_an_unknown_endpoint_is_not_preferred(pod: Pod, ask: Ask) -> None:
    assert LoraAffinityScorer().score(ask(), [pod(), pod(fresh=False)]) == [0.0, 0.0]


def test_an_adapter_prefers_where_it_runs_then_free_slots_then_where_it_waits(
    pod: Pod, ask: Ask
) -> None:
    pool = [
        pod(active="poet critic", max_active=2),
        pod(active="critic", max_active=2),
        pod(active="critic", waiting="poet", max_active=2),
        pod(active="critic clerk", max_active=2),
        pod(active="", max_active=0),
        pod(active="poet", max_active=2, fresh=False),
    ]

    assert LoraAffinityScorer().score(ask("poet"), pool) == [1.0, 0.8, 0.6, 0.0, 0.0, 0.48]
