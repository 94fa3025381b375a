from collections.abc import Callable

import pytest

from epp.api.data import InflightLoad
from epp.api.endpoint import Candidate
from epp.api.plugin import Instance
from epp.api.request import Request
from epp.plugins.saturation.concurrency import ConcurrencyDetector
from epp.plugins.saturation.utilization import UtilizationDetector

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


class Counter:
    """Counts tokens in flight by slot."""

    def __init__(self, *tokens: int) -> None:
        self._load = InflightLoad({}, dict(enumerate(tokens)))

    def inflight(self) -> InflightLoad:
        return self._load


def test_utilization_is_the_mean_of_the_fuller_of_queue_and_cache(pod: Pod) -> None:
    pool = [pod(queue=5, kv=0.1), pod(queue=0, kv=0.4), pod(queue=1, kv=0.8)]

    assert UtilizationDetector().saturation(pool) == pytest.approx((1.0 + 0.5 + 1.0) / 3)


def test_an_unknown_load_counts_as_full_and_so_does_an_empty_pool(pod: Pod) -> None:
    detector = UtilizationDetector()

    assert detector.saturation([pod(queue=99, fresh=False), pod()]) == 0.5
    assert detector.saturation([]) == 1.0


def test_own_requests_since_the_last_scrape_count(pod: Pod) -> None:
    assert UtilizationDetector().saturation([pod(queue=0)._replace(waiting=5)]) == 1.0


@pytest.mark.parametrize(
    ("pods", "mean_is_full", "best_is_full"),
    [
        ([{"queue": 0}, {"queue": 10}], True, False),
        ([{"queue": 5}], True, False),
        ([{"queue": 6}, {"kv": 0.9}], True, True),
        ([{"fresh": False}], True, True),
        ([{"fresh": False}, {"queue": 4}], False, False),
    ],
)
def test_one_good_endpoint_is_enough_only_for_the_rule_of_gaie_1_3(
    pod: Pod, pods: list[dict[str, float]], mean_is_full: bool, best_is_full: bool
) -> None:
    pool = [pod(**kinds) for kinds in pods]
    best = UtilizationDetector(aggregation="best")

    assert UtilizationDetector().saturation(pool) >= 1.0 or not mean_is_full
    assert (best.saturation(pool) >= 1.0) == best_is_full


def test_the_utilization_filter_goes_as_far_above_the_thresholds_as_its_headroom(
    pod: Pod, ask: Ask
) -> None:
    pool = [pod(queue=5), pod(queue=6), pod(queue=7), pod(kv=0.95), pod(fresh=False)]

    kept = UtilizationDetector(headroom=0.2).filter(ask(), pool)

    assert kept == [pool[0], pool[1], pool[3]]
    assert UtilizationDetector().filter(ask(), pool[2:]) == pool[2:]


def test_concurrency_is_what_is_in_flight_as_a_share_of_the_capacity(pod: Pod) -> None:
    pool = [pod(inflight=3), pod(inflight=0)]

    assert ConcurrencyDetector(max_concurrency=2).saturation(pool) == 0.75
    assert ConcurrencyDetector().saturation([]) == 1.0


@pytest.mark.parametrize(
    ("mode", "expected"), [("tokens", 450 / 2000), ("hybrid", (0.4 + 0.5) / 2)]
)
def test_tokens_come_from_whoever_counts_them(pod: Pod, mode: str, expected: float) -> None:
    detector = ConcurrencyDetector(
        concurrency_mode=mode,  # type: ignore[arg-type]
        max_concurrency=10,
        max_token_concurrency=1000,
    )
    counter = Instance("load", "inflight-load-producer", Counter(400, 50))

    assert detector.connect("d", {"load": counter}) == ""
    assert detector.saturation([pod(inflight=1), pod(inflight=5)]) == pytest.approx(expected)
    assert detector.consumes == {InflightLoad}


def test_counting_tokens_without_a_counter_is_a_mistake() -> None:
    assert "inflight-load-producer" in ConcurrencyDetector(concurrency_mode="tokens").connect(
        "d", {}
    )
    assert ConcurrencyDetector().connect("d", {}) == ""


def test_the_concurrency_filter_keeps_none_rather_than_one_that_is_too_full(
    pod: Pod, ask: Ask
) -> None:
    pool = [pod(inflight=11), pod(inflight=12)]
    detector = ConcurrencyDetector(max_concurrency=10, headroom=0.2)

    assert detector.filter(ask(), pool) == [pool[0]]
    assert detector.filter(ask(), pool[1:]) == []
