"""Plugins that go by predicted latencies: score, filter and admission."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from epp.api.data import LatencyPrediction, PrefixMatch, publish
from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.plugins.admitters.latency_slo import LatencySloAdmitter
from epp.plugins.filters.slo_headroom_tier import SloHeadroomTierFilter
from epp.plugins.scorers.latency import LatencyScorer
from epp.plugins.scorers.predicted_latency import PredictedLatencyScorer

Pod = Callable[..., Candidate]
Times = Mapping[int, tuple[float, float]]


def request(
    times: Times | None = None,
    slo: tuple[float, float] = (1.0, 0.1),
    *,
    running: Mapping[int, int] | None = None,
    priority: int = 0,
    cached: Mapping[int, int] | None = None,
    received_at: float = 1.0,
    producer: str = "p",
    **more: Any,
) -> Request:
    """Make a request with predictions: seconds to the first token and per token, by slot."""
    made = Request("id", {}, "m", "m", priority=priority, received_at=received_at)
    if times is not None:
        prediction = LatencyPrediction(
            {slot: time[0] for slot, time in times.items()},
            {slot: time[1] for slot, time in times.items()},
            *slo,
            running=dict.fromkeys(times, 1) if running is None else running,
            **more,
        )
        publish(made, producer, prediction)
    if cached is not None:
        publish(made, "cache", PrefixMatch(cached, 10, 16))
    return made


@pytest.mark.parametrize(
    ("times", "running", "scores"),
    [
        # In time: the one that just keeps its promise is preferred, to leave room on the others.
        ({0: (0.9, 0.09), 1: (0.1, 0.01), 2: (3.0, 0.01)}, None, [1.0, 0.01, 0.0]),
        # None in time: those without a request come first.
        ({0: (2.0, 0.2), 1: (1.5, 0.05), 2: (1.1, 0.3)}, {0: 0, 1: 4, 2: 4}, [0.51, 0.0, 0.0]),
        # Late with output tokens only, before late with the first token only.
        ({0: (0.5, 0.2), 1: (1.5, 0.05), 2: (0.5, 0.4)}, None, [1.0, 0.0, 0.01]),
        # Late with the first token only: the least late one.
        ({0: (2.0, 0.05), 1: (3.0, 0.05), 2: (5.0, 0.2)}, None, [1.0, 0.01, 0.0]),
        # All late with both.
        ({0: (2.0, 0.2), 1: (4.0, 0.4), 2: (3.0, 0.3)}, None, [1.0, 0.01, 0.51]),
        # Equal times do not count; the others then count in full.
        ({0: (0.5, 0.09), 1: (0.5, 0.05), 2: (0.5, 0.01)}, None, [1.0, 0.51, 0.01]),
        ({0: (0.5, 0.05), 1: (0.5, 0.05), 2: (0.5, 0.05)}, None, [0.51, 0.51, 0.51]),
        # Unknown: neither attracts nor repels.
        ({0: (0.9, 0.09), 1: (0.1, 0.01)}, None, [1.0, 0.01, 0.505]),
    ],
)
def test_the_best_group_that_there_is_scores_by_its_headroom(
    pod: Pod, times: Times, running: Mapping[int, int] | None, scores: list[float]
) -> None:
    pool = [pod(), pod(), pod()]

    given = LatencyScorer().score(request(times, running=running), pool)

    assert given == pytest.approx(scores, abs=0.011)


def test_the_most_headroom_can_be_preferred(pod: Pod) -> None:
    times = {0: (0.9, 0.09), 1: (0.1, 0.01)}

    scores = LatencyScorer(headroom_selection_strategy="most").score(request(times), [pod(), pod()])

    assert scores == [0.01, 1.0]


def test_without_times_asked_for_the_fastest_is_the_best(pod: Pod) -> None:
    times = {0: (0.9, 0.02), 1: (0.1, 0.02), 2: (0.5, 0.02)}

    scores = LatencyScorer().score(request(times, (0.0, 0.0)), [pod(), pod(), pod()])

    assert scores.index(max(scores)) == 1


@pytest.mark.parametrize("times", [None, {}, {7: (0.1, 0.1)}])
def test_without_predictions_it_goes_by_cache_queue_and_prefix(
    pod: Pod, times: Times | None
) -> None:
    pool = [pod(queue=4, kv=0.5), pod(queue=0, kv=0.5), pod(queue=2, kv=0.1)]

    scores = LatencyScorer().score(request(times, cached={0: 10}), pool)

    assert scores == pytest.approx([(0.5 + 0 + 1) / 3, (0.5 + 1 + 0) / 3, (0.9 + 0.5 + 0) / 3])


def test_a_candidate_of_unknown_load_counts_as_an_average_one(pod: Pod) -> None:
    pool = [pod(queue=4, kv=0.5), pod(queue=0, kv=0.1), pod(fresh=False)]

    scores = LatencyScorer(composite_prefix_weight=0.0).score(request(), pool)

    assert scores[2] == pytest.approx((scores[0] + scores[1]) / 2)


def test_requests_that_run_there_already_are_not_to_be_slowed_down(pod: Pod) -> None:
    times = {0: (0.5, 0.05), 1: (0.5, 0.05)}

    scores = LatencyScorer().score(request(times, tpot_limits={0: 0.02}), [pod(), pod()])

    assert scores == [0.0, 0.51]


def test_the_filter_keeps_those_in_time(pod: Pod) -> None:
    pool = [pod(), pod(), pod(), pod()]
    times = {0: (0.5, 0.05), 1: (2.0, 0.05), 2: (0.5, 0.05)}

    kept = SloHeadroomTierFilter(0.0).filter(request(times), pool)

    assert kept == [pool[0], pool[2]]


@pytest.mark.parametrize("times", [None, {}, {9: (0.1, 0.1)}, {0: (2.0, 1.0), 1: (3.0, 1.0)}])
def test_the_filter_keeps_all_where_they_do_not_differ(pod: Pod, times: Times | None) -> None:
    pool = [pod(), pod()]

    assert SloHeadroomTierFilter(0.5).filter(request(times), pool) == pool


def test_now_and_then_the_late_ones_get_a_chance(pod: Pod) -> None:
    pool = [pod(), pod()]
    times = {0: (0.5, 0.05), 1: (2.0, 0.05)}
    chosen = [
        SloHeadroomTierFilter(0.1).filter(request(times, received_at=n * 0.0013), pool)[0]
        for n in range(5000)
    ]

    late = sum(candidate is pool[1] for candidate in chosen)
    assert 400 < late < 600


def test_the_producer_can_be_named(pod: Pod) -> None:
    pool = [pod(), pod()]
    made = request({0: (0.5, 0.05), 1: (2.0, 0.05)}, producer="first")
    other = LatencyPrediction({0: 2.0, 1: 0.5}, {0: 0.05, 1: 0.05}, 1.0, 0.1)
    publish(made, "second", other)

    assert SloHeadroomTierFilter(0.0).filter(made, pool) == [pool[0]]
    assert SloHeadroomTierFilter(0.0, "second").filter(made, pool) == [pool[1]]


LATE = {0: (2.0, 0.2), 1: (2.0, 0.2)}


@pytest.mark.parametrize(
    ("times", "slo", "priority", "second", "is_refused"),
    [
        (LATE, (1.0, 0.1), -1, {}, True),
        (LATE, (1.0, 0.1), 0, {}, False),
        (LATE, (0.0, 0.0), -1, {}, False),
        (None, (1.0, 0.1), -1, {}, False),
        ({0: (2.0, 0.2), 1: (0.5, 0.05)}, (1.0, 0.1), -1, {}, False),
        ({0: (2.0, 0.2), 1: (0.5, 9.0)}, (1.0, 0.0), -1, {}, False),
        (LATE, (1.0, 0.1), -1, {"running": 0}, False),
        (LATE, (1.0, 0.1), -1, {"kv": 0.01}, False),
        (LATE, (1.0, 0.1), -1, {"fresh": False}, False),
        ({0: (2.0, 0.2)}, (1.0, 0.1), -1, {}, True),
    ],
)
def test_a_sheddable_request_that_nobody_can_serve_in_time_is_refused(
    pod: Pod,
    *,
    times: Times | None,
    slo: tuple[float, float],
    priority: int,
    second: Mapping[str, Any],
    is_refused: bool,
) -> None:
    pool = [pod(running=3, kv=0.5), pod(**{"running": 3, "kv": 0.5, **second})]

    objection = LatencySloAdmitter().objection_to(request(times, slo, priority=priority), pool)

    assert bool(objection) is is_refused


def choices(scorer: PredictedLatencyScorer, pool: list[Candidate], **made: Any) -> list[int]:
    """Return how often each candidate was chosen, of 2000 requests."""
    counts = [0] * len(pool)
    for n in range(2000):
        scores = scorer.score(request(received_at=n * 0.00137, producer=scorer.name, **made), pool)
        assert sorted(scores) == [0.0] * (len(pool) - 1) + [1.0]
        counts[scores.index(1.0)] += 1
    return counts


def test_the_old_scorer_chooses_one_endpoint_in_time(pod: Pod) -> None:
    times = {0: (0.9, 0.09), 1: (0.5, 0.05), 2: (2.0, 0.05), 3: (0.1, 0.01)}

    counts = choices(PredictedLatencyScorer(), [pod(), pod(), pod(), pod()], times=times)

    assert counts[0] > counts[1] > 500
    assert 5 < counts[2] < 50
    assert 5 < counts[3] < 50


def test_the_old_scorer_can_take_the_greatest_weight(pod: Pod) -> None:
    scorer = PredictedLatencyScorer(selection_mode="max", epsilon_explore_neg=0.0)
    times = {0: (0.9, 0.09), 1: (0.5, 0.05), 2: (2.0, 0.05)}

    assert choices(scorer, [pod(), pod(), pod()], times=times) == [2000, 0, 0]


def test_the_old_scorer_prefers_who_has_the_prompt_cached_unless_that_costs_too_much(
    pod: Pod,
) -> None:
    scorer = PredictedLatencyScorer(epsilon_explore_sticky=0.0, epsilon_explore_neg=0.0)
    pool, cached = [pod(), pod()], {1: 10}
    near = {0: (0.1, 0.05), 1: (0.9, 0.05)}
    far = {0: (0.1, 0.05), 1: (6.0, 0.05)}

    assert choices(scorer, pool, times=near, cached=cached) == [0, 2000]
    assert choices(scorer, pool, times=far, cached=cached, slo=(10.0, 0.1))[0] > 0


def test_the_old_scorer_goes_by_figures_without_predictions(pod: Pod) -> None:
    counts = choices(PredictedLatencyScorer(), [pod(queue=9, kv=1.0), pod(queue=0, kv=0.0)])

    assert counts[1] > 1900
