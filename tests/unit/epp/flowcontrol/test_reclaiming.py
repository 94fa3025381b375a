from collections.abc import Callable

import pytest

from epp.api.request import Request
from epp.flowcontrol.reclaiming import CONFIRMATION_SECONDS, GRACE_SECONDS, Reclaiming
from epp.metrics.flow import FlowMetrics
from epp.plugins.flow.priority_then_time_eviction_order import PriorityThenTimeEvictionOrderPolicy
from epp.plugins.flow.sheddable_eviction import SheddableEvictionFilter

Ask = Callable[..., Request]


@pytest.fixture
def metrics() -> FlowMetrics:
    return FlowMetrics()


@pytest.fixture
def reclaiming(metrics: FlowMetrics) -> Reclaiming:
    return Reclaiming(SheddableEvictionFilter(), PriorityThenTimeEvictionOrderPolicy(), metrics)


def test_the_least_important_and_of_these_the_newest_are_ended_first(
    ask: Ask, reclaiming: Reclaiming
) -> None:
    old, new, worst, safe = ask(priority=-1), ask(priority=-1), ask(priority=-5), ask(priority=0)
    started = [reclaiming.started(r, float(at)) for at, r in enumerate((old, worst, new, safe))]

    assert started == [True, True, True, False]
    assert reclaiming.victims(3.0, 1.0, 0, 4, 10.0) == [worst, new]


def test_no_more_are_ended_than_make_room(ask: Ask, reclaiming: Reclaiming) -> None:
    for _ in range(10):
        reclaiming.started(ask(priority=-1), 0.0)

    # Each of 100 requests holds a hundredth of 1.005.
    assert len(reclaiming.victims(1.005, 1.0, 0, 100, 1.0)) == 1


def test_only_less_important_requests_are_ended(ask: Ask, reclaiming: Reclaiming) -> None:
    reclaiming.started(ask(priority=-1), 0.0)

    assert reclaiming.victims(2.0, 1.0, -1, 1, 1.0) == []


def test_a_closed_band_ends_nobody(ask: Ask, reclaiming: Reclaiming) -> None:
    reclaiming.started(ask(priority=-1), 0.0)

    assert reclaiming.victims(2.0, 0.0, 0, 1, 1.0) == []


def test_the_next_decision_waits_for_the_end_and_until_it_shows(
    ask: Ask, reclaiming: Reclaiming, metrics: FlowMetrics
) -> None:
    requests = [ask(priority=-1) for _ in range(4)]
    for request in requests:
        reclaiming.started(request, 0.0)
    chosen = reclaiming.victims(9.0, 1.0, 0, 4, 1.0)
    while_ending = reclaiming.victims(9.0, 1.0, 0, 4, 2.0)
    for request in chosen:
        reclaiming.ended(request, 3.0)
    while_cooling = reclaiming.victims(9.0, 1.0, 0, 2, 3.1)
    after = reclaiming.victims(9.0, 1.0, 0, 2, 3.0 + GRACE_SECONDS)

    assert (len(chosen), while_ending, while_cooling, len(after)) == (2, [], [], 2)
    assert not set(chosen) & set(after)
    assert metrics.revocations_issued == {0: 4}
    assert metrics.revocations == {"confirmed": 2}
    assert metrics.confirming.count == 2
    assert reclaiming.pending() == 9.0


def test_an_end_that_is_not_seen_counts_as_one_after_a_while(
    ask: Ask, reclaiming: Reclaiming, metrics: FlowMetrics
) -> None:
    hung = ask(priority=-1)
    reclaiming.started(hung, 0.0)
    reclaiming.victims(2.0, 1.0, 0, 1, 1.0)
    look = reclaiming.next_look
    reclaiming.victims(2.0, 1.0, 0, 1, look)
    reclaiming.ended(hung, look + 1)

    assert look == 1.0 + CONFIRMATION_SECONDS
    assert metrics.revocations == {"timed_out": 1}


def test_a_request_that_ends_by_itself_is_no_victim(ask: Ask, reclaiming: Reclaiming) -> None:
    request = ask(priority=-1)
    reclaiming.started(request, 0.0)
    reclaiming.ended(request, 1.0)
    reclaiming.ended(request, 1.0)

    assert reclaiming.victims(2.0, 1.0, 0, 1, 2.0) == []
    assert reclaiming.next_look == float("inf")
