from math import inf

import pytest

from epp.api.request import Request
from epp.plugins.flow.edf import EdfOrderingPolicy
from epp.plugins.flow.fcfs import FcfsOrderingPolicy
from epp.plugins.flow.priority_holdback import PriorityHoldbackPolicy
from epp.plugins.flow.priority_then_time_eviction_order import PriorityThenTimeEvictionOrderPolicy
from epp.plugins.flow.sheddable_eviction import SheddableEvictionFilter
from epp.plugins.flow.slo_deadline import SloDeadlineOrderingPolicy
from epp.plugins.flow.soft_reflective_ceiling import SoftReflectiveCeilingPolicy
from epp.plugins.flow.static_usage_limit import StaticUsageLimitPolicy


def ask(priority: int = 0, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("id", named, priority=priority)


def test_first_come_first_served_ranks_all_alike() -> None:
    policy = FcfsOrderingPolicy()

    assert policy.rank(ask(), 1.0, 2.0) == policy.rank(ask(), 9.0, inf)


def test_the_earliest_deadline_ranks_first_and_none_last() -> None:
    policy = EdfOrderingPolicy()

    assert policy.rank(ask(), 9.0, 10.0) < policy.rank(ask(), 1.0, 60.0)
    assert policy.rank(ask(), 0.0, inf) == inf


@pytest.mark.parametrize(
    ("headers", "rank"),
    [
        ({"x_slo_ttft_ms": "250"}, 10.25),
        ({"x_llm_d_slo_ttft_ms": "100", "x_slo_ttft_ms": "900"}, 10.1),
        ({"x_slo_ttft_ms": "soon"}, inf),
        ({"x_slo_ttft_ms": "nan"}, inf),
        ({"x_slo_ttft_ms": "inf"}, inf),
        ({}, inf),
    ],
)
def test_first_tokens_are_due_when_the_header_says(headers: dict[str, str], rank: float) -> None:
    assert SloDeadlineOrderingPolicy().rank(ask(**headers), 10.0, inf) == rank


def test_by_default_every_band_may_fill_the_pool() -> None:
    assert StaticUsageLimitPolicy().ceilings([9, 0, -1], 0.7) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("domain", "priorities", "ceilings"),
    [
        ("rank", [100, 1, 0], [1.0, 0.75, 0.5]),
        ("value", [100, 1, 0], [1.0, 0.505, 0.5]),
        ("rank", [7], [1.0]),
        ("value", [7], [1.0]),
        ("rank", [], []),
    ],
)
def test_holdback_lowers_the_ceiling_by_rank_or_value(
    domain: str, priorities: list[int], ceilings: list[float]
) -> None:
    policy = PriorityHoldbackPolicy(0.5, domain=domain)  # type: ignore[arg-type]

    assert policy.ceilings(priorities, 0.0) == pytest.approx(ceilings)


@pytest.mark.parametrize(("least", "most"), [(1.0, 1.0), (0.9, 0.8)])
def test_holdback_wants_ceilings_in_order(least: float, most: float) -> None:
    with pytest.raises(ValueError, match="minCeiling must"):
        PriorityHoldbackPolicy(least, max_ceiling=most)


def open_share(saturation: float, bands: int = 3) -> list[float]:
    policy, calls = SoftReflectiveCeilingPolicy(), 600
    sums = [0.0] * bands
    for _ in range(calls):
        answer = policy.ceilings(list(range(bands, 0, -1)), saturation)
        sums = [total + ceiling for total, ceiling in zip(sums, answer, strict=True)]
    return [total / calls for total in sums]


@pytest.mark.parametrize(
    ("saturation", "shares"),
    [
        (0.2, [1, 1, 1]),
        (0.5, [1, 1, 1]),
        (0.6, [1, 1, 1]),
        (0.7, [1, 0.5, 0.5]),
        (0.75, [1, 1 / 3, 1 / 3]),
        (0.9, [1, 1 / 9, 1 / 9]),
        (1.0, [1, 0, 0]),
        (3.0, [1, 0, 0]),
    ],
)
def test_lower_bands_open_more_seldom_the_fuller_the_pool_is(
    saturation: float, shares: list[float]
) -> None:
    assert open_share(saturation) == pytest.approx(shares, abs=0.01)


def test_a_band_alone_is_never_slowed_down() -> None:
    assert open_share(0.99, bands=1) == [1.0]


def test_only_sheddable_requests_may_be_ended_and_the_newest_of_the_lowest_first() -> None:
    order = PriorityThenTimeEvictionOrderPolicy()
    running = [(-1, 5.0), (-2, 1.0), (-1, 9.0)]

    assert [SheddableEvictionFilter().accepts(ask(p)) for p in (-1, 0, 3)] == [True, False, False]
    assert sorted(running, key=lambda r: order.rank(ask(r[0]), r[1])) == [
        (-2, 1.0),
        (-1, 9.0),
        (-1, 5.0),
    ]
