"""Scores that are kept from snapshot to snapshot are those that would be found anew."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Metrics, Snapshot
from epp.api.plugin import SparseScores
from epp.api.request import Request
from epp.datalayer.pool import Pool
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.scorers.kv_cache_utilization import KvCacheUtilizationScorer
from epp.plugins.scorers.queue import QueueScorer
from epp.plugins.scorers.running_requests_size import RunningRequestsSizeScorer
from epp.scheduling.profile import Profile
from epp.scheduling.standing import StandingTotals

SIZE = 30
EVENTS = st.one_of(
    st.tuples(
        st.just("scraped"),
        st.integers(0, SIZE - 1),
        st.integers(0, 5),
        st.floats(-0.5, 1.5, allow_nan=False),
    ),
    st.tuples(st.just("dispatched"), st.integers(0, SIZE - 1)),
    st.tuples(st.just("completed"), st.integers(0, SIZE - 1)),
    st.tuples(st.just("resized"), st.integers(25, SIZE)),
    st.tuples(
        st.just("looked"),
    ),
)


def filled() -> tuple[Pool, Callable[..., None]]:
    pool = Pool(clock=lambda: 1.0)

    def play(name: str, *how: float) -> None:
        endpoints = [candidate.endpoint for candidate in pool.snapshot()]
        if name == "resized":
            pool.replace(
                EndpointSpec(f"pod-{n}", "default", f"10.0.0.{n + 1}", 8000)
                for n in range(int(how[0]))
            )
            for candidate in pool.snapshot():
                if not candidate.is_fresh:
                    pool.scrape_started(candidate.endpoint)
                    pool.scraped(candidate.endpoint, Metrics(updated_at=1.0))
        elif name != "looked" and how[0] < len(endpoints):
            endpoint = endpoints[int(how[0])]
            if name == "scraped":
                pool.scrape_started(endpoint)
                load = Metrics(waiting=int(how[1]), kv_usage=how[2], updated_at=1.0)
                pool.scraped(endpoint, load)
            else:
                getattr(pool, name)(endpoint)

    play("resized", SIZE)
    return pool, play


@given(st.lists(EVENTS, max_size=40))
def test_they_equal_scores_found_anew_whatever_happens_in_between(events: list) -> None:
    pool, play = filled()
    request = Request("id", {})
    weighted = [(QueueScorer(), 2.0), (KvCacheUtilizationScorer(), 1.5)]
    totals = StandingTotals(weighted)
    others = StandingTotals([weighted[0]])  # another profile with the same scorer
    alone = RunningRequestsSizeScorer()
    for event in events:
        play(*event)
        if event[0] == "completed":
            continue  # several changes between two looks
        candidates = pool.snapshot()
        if event[0] != "dispatched":
            others.of(candidates)
        assert list(alone.standing(candidates)[0]) == alone.score(request, list(candidates))
        expected = [
            sum(
                weight * min(max(score, 0.0), 1.0)
                for score, weight in zip(scores, (2.0, 1.5), strict=True)
            )
            for scores in zip(
                *(s.score(request, list(candidates)) for s, _ in weighted), strict=True
            )
        ]
        assert totals.of(candidates) == pytest.approx(expected)


@given(st.lists(EVENTS, max_size=40))
def test_a_profile_picks_the_same_from_a_snapshot_as_from_a_list(events: list) -> None:
    pool, play = filled()
    scorers = ((QueueScorer(), 2.0), (KvCacheUtilizationScorer(), 2.0))
    profile = Profile("p", MaxScorePicker(SIZE), (), scorers)
    request = Request("id", {})

    class Ordered:
        """Chance that is the same for both."""

        def random(self) -> float:
            return 0.5

    for event in events:
        play(*event)
        candidates = pool.snapshot()
        ordered = Ordered()
        kept = profile.run(request, candidates, ordered)  # type: ignore[arg-type]
        anew = profile.run(request, list(candidates), ordered)  # type: ignore[arg-type]
        assert kept == anew


def test_totals_are_found_anew_after_a_scorer_that_failed() -> None:
    class Fails(QueueScorer):
        is_failing = False

        def standing(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
            if Fails.is_failing:
                raise LookupError("standing")
            return super().standing(candidates)

    pool, play = filled()
    play("resized", 25)
    totals = StandingTotals([(QueueScorer(), 1.0), (Fails(), 1.0)])
    play("scraped", 0, 9, 0.0)
    totals.of(pool.snapshot())
    play("scraped", 7, 5, 0.0)
    Fails.is_failing = True
    with pytest.raises(LookupError):
        totals.of(pool.snapshot())
    Fails.is_failing = False

    expected = [2.0 * score for score in QueueScorer().score(Request("id", {}), pool.snapshot())]
    assert totals.of(pool.snapshot()) == pytest.approx(expected)


def test_sparse_scores_read_like_a_list() -> None:
    scores = SparseScores(4, {1: 0.5, 3: 1.0})

    assert list(scores) == [0.0, 0.5, 0.0, 1.0]
    assert (scores[-1], scores[1:3], len(scores)) == (1.0, [0.5, 0.0], 4)
    with pytest.raises(IndexError):
        scores[4]
