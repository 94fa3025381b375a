"""random-picker: chance alone decides.

What:
    Picks candidates at random; scores do not matter.

Formula:
    A random sample of maxNumOfEndpoints.

Reads:
    Nothing.

Parameters:
    maxNumOfEndpoints: how many endpoints to name; the first serves, the others are the fallbacks.

When to use:
    As a baseline to measure scorers against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import picker


@picker("random-picker")
@dataclass(frozen=True, slots=True)
class RandomPicker:
    """Picks at random."""

    max_num_of_endpoints: Annotated[
        int, Param("How many endpoints to name, in fallback order.", minimum=1, is_forgiven=True)
    ] = 1

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> list[Candidate]:
        """Return a random sample in random order."""
        del scores
        return random.sample(candidates, min(self.max_num_of_endpoints, len(candidates)))
