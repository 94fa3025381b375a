"""Histograms count as Prometheus does: a bound belongs to its bucket."""

from hypothesis import given
from hypothesis import strategies as st

from epp.api.endpoint import Endpoint
from epp.api.request import Request
from epp.metrics.recorder import EppMetrics
from epp.metrics.requests import HISTOGRAMS, RequestSeries, merged
from epp.metrics.series import MOST_LABEL_VALUES, ByRequest, Histogram


def test_a_value_on_a_bound_belongs_to_it() -> None:
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 3):
        histogram.observe(value)

    assert histogram.counts == [2, 2, 1]
    assert histogram.total == 8


@given(st.lists(st.floats(-1e6, 1e6)), st.lists(st.integers(-100, 100), unique=True).map(sorted))
def test_every_bucket_holds_the_values_up_to_its_bound(
    values: list[float], bounds: list[int]
) -> None:
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)

    assert sum(histogram.counts) == len(values)
    for index, bound in enumerate(bounds):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)


def test_entries_beyond_the_limit_are_shared_by_model_and_then_by_all() -> None:
    table: ByRequest[list[str]] = ByRequest(list, most=2)
    for model, flow in (("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("c", "x"), ("a", "x")):
        table[model, model, flow, 0].append(flow)

    assert dict(table.items()) == {
        ("a", "a", "x", 0): ["x", "x"],
        ("a", "a", "y", 0): ["y"],
        ("a", "a", "other", "other"): ["z"],
        ("b", "b", "other", "other"): ["x"],
        ("other", "other", "other", "other"): ["x"],
    }


def test_names_that_clients_invent_neither_grow_nor_multiply_without_end() -> None:
    metrics = EppMetrics()
    endpoint = Endpoint("a", "default", "10.0.0.1", 8000)
    for number in range(11_000):
        name = f"{number:05}" + "x" * 10_000
        metrics.exchange_started(
            Request(name, {}, name, target_model=name, fairness_id=name), endpoint, 0.0
        )
        metrics.rewritten("rule", name, "m")

    assert len(list(metrics.requests.items())) <= MOST_LABEL_VALUES + 1
    assert len(metrics.rewrites) <= MOST_LABEL_VALUES + 1
    assert len(metrics.attempts) <= 10_001
    assert sum(metrics.rewrites.values()) == sum(metrics.attempts.values()) == 11_000
    keys = [*metrics.rewrites, *metrics.attempts, *(key for key, _ in metrics.requests.items())]
    assert max(len(part) for key in keys for part in key if isinstance(part, str)) == 256


def test_a_sum_is_over_everything_that_is_counted() -> None:
    part = RequestSeries()
    part.errors["Internal", "bug"] = part.running = 2
    names = [name for name in dir(part) if isinstance(getattr(part, name), Histogram)]
    for name in names:
        getattr(part, name).observe(1)

    whole = merged([part, part])

    assert sorted(names) == list(HISTOGRAMS)
    assert (whole.running, whole.errors["Internal", "bug"]) == (4, 4)
    assert [getattr(whole, name).count for name in names] == [2] * len(names)
    assert [getattr(part, name).count for name in names] == [1] * len(names)
