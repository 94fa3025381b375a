from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from random import Random

import pytest

from epp.api.endpoint import Candidate
from epp.api.request import Request
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.scheduling.profile import Profile

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


@dataclass(frozen=True)
class Fixed:
    scores: tuple[float, ...]

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        return self.scores


@dataclass(frozen=True)
class Totals:
    """Reports what the picker is given."""

    seen: list[float]

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> Sequence[Candidate]:
        self.seen[:] = scores
        return candidates[:1]


@dataclass(frozen=True)
class Queued:
    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return [c for c in candidates if c.waiting]


class Untouchable:
    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        raise AssertionError("asked about nobody")


def totals(pod: Pod, ask: Ask, *scorers: tuple[Fixed, float]) -> list[float]:
    seen: list[float] = []
    candidates = [pod() for _ in scorers[0][0].scores]
    Profile("default", Totals(seen), scorers=scorers).run(ask(), candidates, Random(1))
    return seen


def test_scores_are_multiplied_by_their_weights_and_added(pod: Pod, ask: Ask) -> None:
    assert totals(pod, ask, (Fixed((0.5, 1.0)), 2.0), (Fixed((1.0, 0.0)), 3.0)) == [4.0, 2.0]


@pytest.mark.parametrize(
    ("score", "counted"), [(-0.1, 0.0), (1.01, 1.0), (nan, 0.0), (inf, 1.0), (-inf, 0.0)]
)
def test_a_score_outside_its_range_counts_as_the_nearer_bound(
    pod: Pod, ask: Ask, score: float, counted: float
) -> None:
    assert totals(pod, ask, (Fixed((score,)), 2.0)) == [2.0 * counted]


def test_filters_run_before_the_scores_and_in_order(pod: Pod, ask: Ask) -> None:
    idle, busy = pod(queue=0), pod(queue=5)
    profile = Profile("default", MaxScorePicker(), filters=(Queued(),), scorers=((Fixed((1,)), 1),))

    assert profile.run(ask(), [idle, busy], Random(1)) == [busy]


def test_nobody_left_means_nobody_chosen_and_later_filters_are_not_asked(
    pod: Pod, ask: Ask
) -> None:
    profile = Profile("default", MaxScorePicker(), filters=(Queued(), Untouchable()))

    assert profile.run(ask(), [pod(queue=0)], Random(1)) == ()


def test_without_scorers_every_candidate_is_chosen_sometimes(pod: Pod, ask: Ask) -> None:
    pool = [pod() for _ in range(4)]
    profile, random = Profile("default", MaxScorePicker()), Random(1)

    chosen = {profile.run(ask(), pool, random)[0].endpoint.name for _ in range(100)}

    assert chosen == {"pod-0", "pod-1", "pod-2", "pod-3"}
