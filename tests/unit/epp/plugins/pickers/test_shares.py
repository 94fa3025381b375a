"""Weighted chance beyond the first pick, and at the ends of what numbers can be."""

from collections import Counter
from collections.abc import Callable
from math import inf
from random import Random

import pytest

from epp.api.endpoint import Candidate
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.pickers.weighted_random import WeightedRandomPicker

Pod = Callable[..., Candidate]


def test_fallbacks_are_drawn_by_their_weights_too(pod: Pod) -> None:
    """As A-Res does: among those left, chances are again in proportion to the weights."""
    pool, random, rounds = [pod() for _ in range(3)], Random(3), 4000
    picker, scores = WeightedRandomPicker(2), [6.0, 3.0, 1.0]
    orders = Counter(
        tuple(c.endpoint.slot for c in picker.pick(pool, scores, random)) for _ in range(rounds)
    )

    for first in range(3):
        for second in {0, 1, 2} - {first}:
            expected = scores[first] / 10 * scores[second] / (10 - scores[first])
            assert orders[first, second] / rounds == pytest.approx(expected, abs=0.03)


def test_an_endless_score_comes_first_and_a_tiny_one_before_none(pod: Pod) -> None:
    pool = [pod(), pod(), pod(), pod()]

    for seed in range(20):
        picked = WeightedRandomPicker(4).pick(pool, [0.0, 1e-300, inf, -inf], Random(seed))
        assert picked[:2] == [pool[2], pool[1]]


def test_the_best_of_negative_scores_is_the_best(pod: Pod) -> None:
    pool = [pod(), pod(), pod()]

    assert MaxScorePicker().pick(pool, [-3.0, -1.0, -inf], Random(1)) == [pool[1]]
    assert MaxScorePicker(3).pick(pool, [-3.0, -1.0, -inf], Random(1)) == [
        pool[1],
        pool[0],
        pool[2],
    ]
