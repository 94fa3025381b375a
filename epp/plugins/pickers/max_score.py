"""max-score-picker: the best score wins.

What:
    Picks the candidates with the highest scores; chance decides between equals.

Formula:
    Descending by score, equal scores in random order, the first maxNumOfEndpoints.

Reads:
    The scores.

Parameters:
    maxNumOfEndpoints: how many endpoints to name, best first; the others are the fallbacks.

When to use:
    By default. With few distinct scores and many gateways that decide at once, consider
    weighted-random-picker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import picker


@picker("max-score-picker")
@dataclass(frozen=True, slots=True)
class MaxScorePicker:
    """Picks the highest scores."""

    max_num_of_endpoints: Annotated[
        int, Param("How many endpoints to name, in fallback order.", minimum=1, is_forgiven=True)
    ] = 1

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> list[Candidate]:
        """Return the best candidates, best first."""
        if self.max_num_of_endpoints == 1:
            best = max(scores)
            if scores.count(best) == 1:
                return [candidates[scores.index(best)]]
            winners = [c for c, score in zip(candidates, scores, strict=True) if score == best]
            return [winners[int(random.random() * len(winners))]]
        ranked = sorted(
            zip(scores, [random.random() for _ in scores], candidates, strict=True),
            key=lambda entry: entry[:2],
            reverse=True,
        )
        return [candidate for _, _, candidate in ranked[: self.max_num_of_endpoints]]
