from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from epp.api.endpoint import Candidate
from epp.api.plugin import Picker
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.pickers.random import RandomPicker
from epp.plugins.pickers.weighted_random import WeightedRandomPicker

Pod = Callable[..., Candidate]

ROUNDS = 2000


def first_picks(picker: Picker, pod: Pod, *scores: float) -> list[float]:
    """Return how often each candidate comes first, as shares."""
    pool, random = [pod() for _ in scores], Random(7)
    counts = Counter(picker.pick(pool, scores, random)[0].endpoint.slot for _ in range(ROUNDS))
    return [counts[slot] / ROUNDS for slot in range(len(scores))]


def test_the_highest_scores_are_picked_best_first(pod: Pod) -> None:
    pool = [pod(), pod(), pod()]

    assert MaxScorePicker().pick(pool, [1.0, 3.0, 2.0], Random(1)) == [pool[1]]
    assert MaxScorePicker(2).pick(pool, [1.0, 3.0, 2.0], Random(1)) == [pool[1], pool[2]]


@pytest.mark.parametrize("picker", [MaxScorePicker(), MaxScorePicker(2)])
def test_equal_scores_have_equal_chances(pod: Pod, picker: Picker) -> None:
    assert first_picks(picker, pod, 1.0, 2.0, 2.0) == [
        0.0,
        pytest.approx(0.5, abs=0.05),
        pytest.approx(0.5, abs=0.05),
    ]


def test_scores_do_not_matter_to_the_random_picker(pod: Pod) -> None:
    assert first_picks(RandomPicker(), pod, 0.0, 9.0) == [
        pytest.approx(0.5, abs=0.05),
        pytest.approx(0.5, abs=0.05),
    ]


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_chances_are_in_proportion_to_the_scores(pod: Pod, scale: float) -> None:
    assert first_picks(WeightedRandomPicker(), pod, scale, 3 * scale, 0.0) == [
        pytest.approx(0.25, abs=0.05),
        pytest.approx(0.75, abs=0.05),
        0.0,
    ]


def test_when_all_weights_are_0_chances_are_equal(pod: Pod) -> None:
    assert first_picks(WeightedRandomPicker(), pod, 0.0, -1.0) == [
        pytest.approx(0.5, abs=0.05),
        pytest.approx(0.5, abs=0.05),
    ]


def test_fallbacks_without_weight_come_last(pod: Pod) -> None:
    pool = [pod(), pod(), pod()]

    picked = WeightedRandomPicker(3).pick(pool, [0.0, 1.0, 0.0], Random(1))

    assert picked[0] == pool[1]
    assert set(picked) == set(pool)


@pytest.mark.parametrize("picker", [MaxScorePicker(9), RandomPicker(9), WeightedRandomPicker(9)])
def test_asking_for_more_than_there_are_gives_all(pod: Pod, picker: Picker) -> None:
    pool = [pod(), pod()]

    assert set(picker.pick(pool, [1.0, 2.0], Random(1))) == set(pool)
