"""The checks of routing tell chance from purpose: they neither cry wolf nor sleep."""

import math

import pytest

from gaiectl.checks.catalog import lora_affinity, prefix_affinity
from gaiectl.checks.catalog.spread import largest_share, requests_for


def at_least(hits: int, of: int, probability: float) -> float:
    """Probability of that many hits or more (binomial)."""
    return math.fsum(
        math.exp(
            math.lgamma(of + 1)
            - math.lgamma(n + 1)
            - math.lgamma(of - n + 1)
            + n * math.log(probability)
            + (of - n) * math.log(1 - probability)
        )
        for n in range(hits, of + 1)
    )


@pytest.mark.parametrize("endpoints", [2, 3, 4, 5, 8, 9, 16, 50])
def test_picking_by_chance_is_spread_enough(endpoints: int) -> None:
    requests = requests_for(endpoints)
    too_many = at_least(largest_share(requests, endpoints) + 1, requests, 1 / endpoints)
    none_at_all = (1 - 1 / endpoints) ** requests

    assert endpoints * (too_many + none_at_all) < 1e-6


@pytest.mark.parametrize("endpoints", [2, 3, 4, 8, 16])
def test_a_pool_with_one_favourite_is_not_spread(endpoints: int) -> None:
    requests = requests_for(endpoints)

    assert largest_share(requests, endpoints) < requests - (endpoints - 1)
    assert largest_share(requests, endpoints) <= 0.75 * requests


def test_more_than_twice_the_even_part_is_too_much_for_middling_pools() -> None:
    for endpoints in range(4, 9):
        assert largest_share(requests_for(endpoints), endpoints) == 128


@pytest.mark.parametrize(
    ("trials", "strays"),
    [
        (prefix_affinity._PREFIXES * prefix_affinity._REPEATS, prefix_affinity._STRAYS),
        (lora_affinity._REQUESTS, lora_affinity._STRAYS),
    ],
)
def test_chance_does_not_look_like_affinity(trials: int, strays: int) -> None:
    assert at_least(trials - strays, trials, 1 / 2) < 0.0005
    assert at_least(trials - strays, trials, 1 / 3) < 0.000001
