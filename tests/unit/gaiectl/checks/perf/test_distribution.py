"""Percentiles are right to half a percent, whatever is added, and in whatever parts."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.perf.distribution import RELATIVE_ERROR, Distribution, Malformed

TIMES = st.lists(st.floats(1e-5, 1e4), min_size=1, max_size=200)
PARTS = st.floats(0.001, 1.0)


def of(times: list[float]) -> Distribution:
    made = Distribution()
    for time in times:
        made.add(time)
    return made


@given(TIMES, PARTS)
def test_a_percentile_is_that_of_the_sorted_values(times: list[float], part: float) -> None:
    exact = sorted(times)[math.ceil(part * len(times)) - 1]

    assert of(times).quantile(part) == pytest.approx(exact, rel=RELATIVE_ERROR * 1.0001)


@given(TIMES, TIMES)
def test_two_merged_are_one_of_all_their_values(one: list[float], other: list[float]) -> None:
    merged = of(one)
    merged.merge(of(other))

    assert merged == of(one + other) == of(other + one)
    assert merged.count == len(one) + len(other)
    assert merged.mean == pytest.approx(sum(one + other) / merged.count)


@given(TIMES)
def test_what_is_read_back_is_what_was_written(times: list[float]) -> None:
    made = of(times)
    read = Distribution.from_json(json.loads(json.dumps(made.as_json())))

    assert read == made
    assert read.mean == pytest.approx(made.mean)
    assert read.mean_error == pytest.approx(made.mean_error)


@given(TIMES, PARTS, st.integers(1, 300))
def test_the_interval_of_a_percentile_has_it_within(
    times: list[float], part: float, independent: int
) -> None:
    made = of(times)
    low, high = made.interval(part, independent)

    value = made.quantile(part)
    assert value is not None
    assert low <= value <= high


def test_the_interval_is_open_where_there_are_too_few_values() -> None:
    assert of([1.0] * 20).interval(0.99, 20)[1] == math.inf
    assert of([1.0] * 2000).interval(0.99, 2000)[1] < 1.01
    assert of([1.0] * 2000).interval(0.99, 20)[1] == math.inf


@given(st.lists(st.floats(0, 1e9) | st.just(-1.0), max_size=50))
def test_times_beyond_all_measure_are_taken(times: list[float]) -> None:
    made = of(times)

    assert made.count == len(times)
    assert Distribution.from_json(made.as_json()) == made
    assert (made.quantile(0.5) is None) == (not times)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"buckets": []},
        {"buckets": {"x": 1}, "sum": 1, "squares": 1},
        {"buckets": {"1": -1}, "sum": 1, "squares": 1},
        {"buckets": {"1": 1.5}, "sum": 1, "squares": 1},
        {"buckets": {"1": True}, "sum": 1, "squares": 1},
        {"buckets": {"99999999": 1}, "sum": 1, "squares": 1},
        {"buckets": {"1": 1}, "sum": "1", "squares": 1},
        {"buckets": {"1": 1}, "sum": math.nan, "squares": 1},
        {"buckets": {"1": 1}, "sum": 1},
    ],
    ids=str,
)
def test_what_is_no_distribution_is_refused(told: object) -> None:
    with pytest.raises(Malformed):
        Distribution.from_json(told)
