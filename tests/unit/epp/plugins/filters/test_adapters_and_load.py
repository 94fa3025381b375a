"""Filters of the early scheduler, each by itself."""

from collections.abc import Callable

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import Filter
from epp.api.request import Request
from epp.plugins.filters.critical_request import CriticalRequestFilter
from epp.plugins.filters.least_kv_cache import LeastKvCacheFilter
from epp.plugins.filters.least_queue import LeastQueueFilter
from epp.plugins.filters.lora_affinity import LoraAffinityFilter
from epp.plugins.filters.low_cost_lora import LowCostLoraFilter
from epp.plugins.filters.low_queue import LowQueueFilter
from epp.plugins.filters.sheddable_capacity import SheddableCapacityFilter

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


def kept(part: Filter, pool: list[Candidate], request: Request) -> list[int]:
    return [candidate.endpoint.slot for candidate in part.filter(request, pool)]


def test_a_request_is_critical_from_a_priority_on(pod: Pod, ask: Ask) -> None:
    pool = [pod(), pod()]

    assert kept(CriticalRequestFilter(), pool, ask(priority=1)) == [0, 1]
    assert kept(CriticalRequestFilter(), pool, ask(priority=0)) == []
    assert kept(CriticalRequestFilter(-5), pool, ask(priority=-5)) == [0, 1]


def test_a_queue_is_low_below_the_threshold(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=49), pod(queue=50), pod(queue=99, fresh=False)]

    assert kept(LowQueueFilter(50), pool, ask()) == [0, 2]


def test_capacity_includes_its_thresholds(pod: Pod, ask: Ask) -> None:
    pool = [
        pod(queue=5, kv=0.8),
        pod(queue=6),
        pod(kv=0.81),
        pod(queue=99, kv=1.0, fresh=False),
    ]

    assert kept(SheddableCapacityFilter(), pool, ask()) == [0, 3]


def test_the_lowest_part_of_the_queues_is_kept_in_whole_requests(pod: Pod, ask: Ask) -> None:
    queues = [10, 12, 13, 19]  # 10 + 9 // 4 = 12
    pool = [pod(queue=queue) for queue in queues]

    assert kept(LeastQueueFilter(), pool, ask()) == [0, 1]


def test_the_lowest_part_of_the_caches_is_kept(pod: Pod, ask: Ask) -> None:
    pool = [pod(kv=kv) for kv in (0.1, 0.3, 0.31, 0.7)]  # up to 0.1 + 0.6 / 4 = 0.25

    assert kept(LeastKvCacheFilter(), pool, ask()) == [0]


@pytest.mark.parametrize("part", [LeastQueueFilter(), LeastKvCacheFilter()])
def test_an_unknown_load_is_an_average_one(pod: Pod, ask: Ask, part: Filter) -> None:
    pool = [pod(fresh=False), pod(queue=5, kv=0.4), pod(queue=9, kv=0.9)]

    assert kept(part, pool, ask()) == [1]


def test_adapters_go_where_they_run_or_fit(pod: Pod, ask: Ask) -> None:
    pool = [
        pod(active="x y", max_active=2),
        pod(active="x poet", max_active=2),
        pod(active="x", max_active=2),
        pod(),
    ]

    assert kept(LowCostLoraFilter(), pool, ask("poet")) == [1, 2]
    assert kept(LoraAffinityFilter(1.0), pool, ask("poet")) == [1]
    assert kept(LoraAffinityFilter(0.0), pool, ask("poet")) == [2]
    assert kept(LoraAffinityFilter(1.0), pool, ask("clerk")) == [2]
    assert kept(LoraAffinityFilter(1.0), pool[:1], ask("clerk")) == []


def test_an_adapter_spreads_with_the_probability_that_is_left(pod: Pod, ask: Ask) -> None:
    pool = [pod(active="poet", max_active=2), pod(max_active=2)]
    part = LoraAffinityFilter(0.75)
    stays = [kept(part, pool, Request(str(n), {}, "poet", "poet")) == [0] for n in range(2000)]

    assert sum(stays) / len(stays) == pytest.approx(0.75, abs=0.05)
    request = ask("poet")
    assert kept(part, pool, request) == kept(part, pool, request)
