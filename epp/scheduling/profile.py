"""A scheduling profile: filter, score, weigh, pick."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from epp.api.endpoint import Candidate
from epp.api.plugin import Filter, Picker, Scorer
from epp.api.request import Request


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to choose endpoints.

    Attributes:
        name: unique among the profiles of a configuration.
        picker: chooses among the scored candidates.
        filters: run in this order, before any scorer.
        scorers: each with the weight of its score in the sum; weights are not normalised.
    """

    name: str
    picker: Picker
    filters: tuple[Filter, ...] = ()
    scorers: tuple[tuple[Scorer, float], ...] = ()

    def run(
        self, request: Request, candidates: Sequence[Candidate], random: Random
    ) -> Sequence[Candidate]:
        """Return the chosen candidates in fallback order; none when no candidate is left.

        Scores outside [0, 1] count as the nearer bound, NaN as 0.
        """
        for part in self.filters:
            if not candidates:
                break
            candidates = part.filter(request, candidates)
        if not candidates:
            return ()
        totals = [0.0] * len(candidates)
        for scorer, weight in self.scorers:
            for index, score in enumerate(scorer.score(request, candidates)):
                if score > 0.0:
                    totals[index] += weight * score if score < 1.0 else weight
        return self.picker.pick(candidates, totals, random)
