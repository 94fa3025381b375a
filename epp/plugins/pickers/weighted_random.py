"""weighted-random-picker: chance in proportion to the score.

What:
    Picks at random, where a candidate with twice the score is twice as likely to be first.

Formula:
    Each candidate draws an arrival time from the exponential distribution whose rate is its score;
    the earliest are picked (the A-Res sample of Efraimidis and Spirakis, in logarithms so that tiny
    scores stay apart). A score of 0 or less arrives after all others, in random order.

Reads:
    The scores.

Parameters:
    maxNumOfEndpoints: how many endpoints to name; the first serves, the others are the fallbacks.

When to use:
    When several EPPs or several gateways decide on the same, slightly old figures: a strict maximum
    would send them all to one endpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import picker


@picker("weighted-random-picker")
@dataclass(frozen=True, slots=True)
class WeightedRandomPicker:
    """Picks at random by score."""

    max_num_of_endpoints: Annotated[
        int, Param("How many endpoints to name, in fallback order.", minimum=1, is_forgiven=True)
    ] = 1

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> list[Candidate]:
        """Return a weighted random sample, earliest arrival first."""
        arrivals = [random.expovariate(s) if s > 0 else inf for s in scores]
        ranked = sorted(
            zip(arrivals, [random.random() for _ in scores], candidates, strict=True),
            key=lambda entry: entry[:2],
        )
        return [candidate for _, _, candidate in ranked[: self.max_num_of_endpoints]]
