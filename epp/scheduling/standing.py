"""Scores that do not depend on the request, kept from one request to the next.

Between two requests few candidates of a large pool change. What a pool tells of its changes
(``Snapshot.changed``) is enough to keep loads, scores and their weighted sum current.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from epp.api.endpoint import Candidate, Snapshot
from epp.api.plugin import StandingScorer

NO_POSITIONS: Mapping[int, int] = {}


class LoadRank:
    """1 for the smallest load, 0 for the largest, and what lies between in proportion.

    Args:
        load: returns a candidate's load.
    """

    __slots__ = ("_before", "_least", "_load", "_loads", "_most", "_round", "_scores")

    def __init__(self, load: Callable[[Candidate], float]) -> None:
        self._load = load
        self._loads: list[float] = []
        self._scores: list[float] = []
        self._most = 0.0
        self._least = 0.0
        self._round = 0
        self._before = Seen()

    def follow(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return the scores and the number of their round, as ``StandingScorer.standing`` does."""
        load, loads = self._load, self._loads
        changed = self._before.changes(candidates)
        if changed is None:
            loads = self._loads = list(map(load, candidates))
        else:
            if not changed:
                return self._scores, self._round
            for position in changed:
                loads[position] = load(candidates[position])
        most, least = max(loads), min(loads)
        spread = most - least
        if changed is None or most != self._most or least != self._least:
            self._round += 1
            if spread:
                self._scores = [(most - load) / spread for load in loads]
            else:
                self._scores = [1.0] * len(loads)
            self._most, self._least = most, least
        elif spread:
            scores = self._scores
            for position in changed:
                scores[position] = (most - loads[position]) / spread
        return self._scores, self._round


class EachAlone:
    """Scores that each depend on one candidate only.

    Args:
        score: returns a candidate's score.
    """

    __slots__ = ("_before", "_round", "_score", "_scores")

    def __init__(self, score: Callable[[Candidate], float]) -> None:
        self._score = score
        self._scores: list[float] = []
        self._round = 0
        self._before = Seen()

    def follow(self, candidates: Snapshot) -> tuple[Sequence[float], int]:
        """Return the scores and the number of their round, as ``StandingScorer.standing`` does."""
        changed = self._before.changes(candidates)
        if changed is None:
            self._round += 1
            self._scores = list(map(self._score, candidates))
        else:
            for position in changed:
                self._scores[position] = self._score(candidates[position])
        return self._scores, self._round


class Seen:
    """Which snapshot was seen last."""

    __slots__ = ("_positions", "_serial")

    def __init__(self) -> None:
        self._positions = NO_POSITIONS
        self._serial = 0

    def changes(self, candidates: Snapshot) -> Sequence[int] | None:
        """Return where the snapshot differs from the one seen last; None for anywhere."""
        positions, serial = self._positions, self._serial
        self._positions, self._serial = candidates.positions, candidates.serial
        if candidates.positions is not positions:
            return None
        if candidates.serial == serial:
            return ()
        return candidates.changed if candidates.serial == serial + 1 else None


class StandingTotals:
    """The weighted sum of the scores of standing scorers.

    Args:
        scorers: each with its weight; their scores outside [0, 1] count as the nearer bound.
    """

    __slots__ = ("_before", "_rounds", "_scorers", "_totals")

    def __init__(self, scorers: Sequence[tuple[StandingScorer, float]]) -> None:
        self._scorers = scorers
        self._totals: list[float] = []
        self._rounds: list[int] = []
        self._before = Seen()

    def of(self, candidates: Snapshot) -> list[float]:
        """Return the totals of a snapshot whose candidates are all fresh; the caller's own."""
        changed = self._before.changes(candidates)
        # Nothing is known until this is done: a scorer may fail.
        known, self._rounds = self._rounds, []
        parts, rounds = [], []
        for scorer, weight in self._scorers:
            scores, number = scorer.standing(candidates)
            parts.append((scores, weight))
            rounds.append(number)
        # Scorers may be asked by others in between: their rounds tell what our own view does not.
        if changed is None or rounds != known:
            self._totals = [0.0] * len(candidates)
            for scores, weight in parts:
                if not are_in_range(scores):
                    scores = [in_range(score) for score in scores]  # noqa: PLW2901 - corrected
                self._totals = [
                    total + weight * score
                    for total, score in zip(self._totals, scores, strict=True)
                ]
        else:
            totals = self._totals
            for place in changed:
                total = 0.0
                for scores, weight in parts:
                    total += weight * in_range(scores[place])
                totals[place] = total
        self._rounds = rounds
        return self._totals.copy()


def are_in_range(scores: Sequence[float]) -> bool:
    """Tell whether no score needs to be corrected; one that is no number spoils their sum."""
    return min(scores) >= 0.0 and max(scores) <= 1.0 and not isnan(sum(scores))


def in_range(score: float) -> float:
    """Return the score, or the nearer bound of [0, 1]; 0 for what is no number."""
    if score > 0.0:
        return min(score, 1.0)
    return 0.0
