"""Filters that leave out who is beyond a limit."""

from collections.abc import Callable
from math import nan

import pytest

from epp.api.data import EndpointAttributes, InflightLoad, publish
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.plugins.filters.endpoint_attribute import (
    AttributeTest,
    EndpointAttributeFilter,
    Threshold,
)
from epp.plugins.filters.utilization import Condition, UtilizationFilter

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ([("waiting-queue", 3)], [0, 1, 3]),
        ([("running-requests", 4)], [0, 2, 3]),
        ([("kv-cache-utilization", 0.5)], [0, 1, 3]),
        ([("active-requests", 1)], [0, 1, 2]),
        ([("waiting-queue", 3), ("active-requests", 1)], [0, 1]),
        ([("waiting-queue", 0)], [0, 3]),
    ],
)
def test_who_is_above_any_limit_is_left_out(
    pod: Pod, ask: Ask, conditions: list[tuple[str, float]], kept: list[int]
) -> None:
    limits = tuple(Condition(metric, most) for metric, most in conditions)  # type: ignore[arg-type]
    pool = [
        pod(),
        pod(queue=3, running=5, kv=0.5),
        pod(queue=4, kv=0.6),
        pod(queue=99, inflight=2, fresh=False),
    ]
    chosen = UtilizationFilter(limits).filter(ask(), pool)

    assert [candidate.endpoint.slot for candidate in chosen] == kept


def test_requests_in_flight_are_those_of_the_producer_that_is_named(pod: Pod, ask: Ask) -> None:
    pool, request = [pod(), pod()], ask()
    publish(request, "first", InflightLoad({0: 9}, {}))
    publish(request, "second", InflightLoad({1: 9}, {}))
    limit = (Condition("active-requests", 1),)

    assert UtilizationFilter(limit).filter(request, pool) == [pool[1]]
    named = UtilizationFilter(limit, in_flight_load_producer_name="second")
    assert named.filter(request, pool) == [pool[0]]


def test_all_are_kept_when_none_would_be_if_that_is_asked_for(pod: Pod, ask: Ask) -> None:
    pool, limit = [pod(queue=5)], (Condition("waiting-queue", 1),)

    assert list(UtilizationFilter(limit).filter(ask(), pool)) == []
    assert UtilizationFilter(limit, fallback_on_empty=True).filter(ask(), pool) == pool


def test_limits_must_make_sense() -> None:
    with pytest.raises(ValueError, match="at least one"):
        UtilizationFilter(())
    with pytest.raises(ValueError, match="1 at most"):
        UtilizationFilter((Condition("kv-cache-utilization", 80),))


@pytest.mark.parametrize(
    ("operator", "kept"),
    [
        ("LessThan", [0]),
        ("LessThanOrEqual", [0, 1]),
        ("GreaterThan", [2]),
        ("GreaterThanOrEqual", [1, 2]),
        ("Equal", [1]),
        ("NotEqual", [0, 2]),
    ],
)
def test_an_attribute_is_compared_and_missing_ones_pass_unless_they_shall_fail(
    pod: Pod, ask: Ask, operator: str, kept: list[int]
) -> None:
    pool, request = [pod() for _ in range(5)], ask()
    publish(request, "x", EndpointAttributes({"heat": {0: 60, 1: 70, 2: 80, 3: nan}}))
    bound = AttributeTest("threshold", Threshold(operator, 70))  # type: ignore[arg-type]

    passing = EndpointAttributeFilter("heat", bound).filter(request, pool)
    failing = EndpointAttributeFilter("heat", bound, on_missing="Fail").filter(request, pool)

    assert [candidate.endpoint.slot for candidate in passing] == [*kept, 3, 4]
    assert [candidate.endpoint.slot for candidate in failing] == kept


def test_an_attribute_that_nobody_has_found_is_missing_everywhere(pod: Pod, ask: Ask) -> None:
    pool = [pod()]
    bound = AttributeTest("threshold", Threshold("LessThan", 70))
    strict = EndpointAttributeFilter("heat", bound, on_missing="Fail", fallback_on_empty=True)

    assert strict.filter(ask(), pool) == pool
    with pytest.raises(ValueError, match="threshold is needed"):
        EndpointAttributeFilter("heat", AttributeTest("threshold"))
