"""A scheduling profile: filter, score, weigh, pick."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from epp.api.endpoint import Candidate, Snapshot
from epp.api.plugin import Filter, Picker, Scorer, SparseScores, StandingScorer
from epp.api.request import Request
from epp.scheduling.standing import StandingTotals, are_in_range, in_range

_LARGE = 24
"""From here on it pays to look at the scores as a whole first."""


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
    _standing: StandingTotals | None = field(init=False, default=None, repr=False, compare=False)
    _others: tuple[tuple[Scorer, float], ...] = field(init=False, default=(), repr=False)

    def __post_init__(self) -> None:
        standing = [(s, weight) for s, weight in self.scorers if isinstance(s, StandingScorer)]
        others = tuple((s, w) for s, w in self.scorers if not isinstance(s, StandingScorer))
        object.__setattr__(self, "_standing", StandingTotals(standing) if standing else None)
        object.__setattr__(self, "_others", others)

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
        scorers = self.scorers
        if len(candidates) > _LARGE:
            if isinstance(candidates, Snapshot) and candidates.are_fresh and self._standing:
                totals = self._standing.of(candidates)
                scorers = self._others
            else:
                totals = [0.0] * len(candidates)
            for scorer, weight in scorers:
                totals = _add(totals, scorer.score(request, candidates), weight)
        else:
            totals = [0.0] * len(candidates)
            for scorer, weight in scorers:
                scores = scorer.score(request, candidates)
                if not any(scores):
                    continue
                for index, score in enumerate(scores):
                    if score > 0.0:
                        totals[index] += weight * score if score < 1.0 else weight
        return self.picker.pick(candidates, totals, random)


def _add(totals: list[float], scores: Sequence[float], weight: float) -> list[float]:
    """Return the totals of many candidates with one scorer's scores added."""
    if isinstance(scores, SparseScores):
        for index, score in scores.scores.items():
            totals[index] += weight * in_range(score)
        return totals
    if not are_in_range(scores):
        scores = [in_range(score) for score in scores]
    return [total + weight * score for total, score in zip(totals, scores, strict=True)]
