"""slo-headroom-tier-filter: keep the endpoints that keep what the client asks for.

What:
    Parts candidates into those whose predicted times are within what the client asks for, and the
    others; keeps the first, and now and then the others, so that these may recover.

Formula:
    Positive: both headrooms are 0 or more; the others, and those without a prediction, are
    negative. With both there: the negative ones with the probability epsilonExploreNeg, otherwise
    the positive ones. Without any prediction all are kept.

Reads:
    Predictions of predicted-latency-producer.

Parameters:
    epsilonExploreNeg: probability to keep the negative ones.
    latencyPredictionInfoProducerName: who predicts; the first one by default.

When to use:
    Before latency-scorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.data import LatencyPrediction, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.chance import chance
from epp.scheduling.headroom import tiers

_SALT = 1


@filter_("slo-headroom-tier-filter")
@dataclass(frozen=True, slots=True)
class SloHeadroomTierFilter:
    """Keeps one of two tiers."""

    epsilon_explore_neg: Annotated[
        float, Param("Probability to keep the negative ones.", minimum=0, maximum=1)
    ] = 0.01
    latency_prediction_info_producer_name: Annotated[
        str, Param("Who predicts; the first one by default.")
    ] = ""

    consumes: ClassVar[frozenset[type]] = frozenset({LatencyPrediction})

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidates of one tier."""
        prediction = find(request, LatencyPrediction, self.latency_prediction_info_producer_name)
        if prediction is None:
            return candidates
        positive, negative = tiers(prediction, [c.endpoint.slot for c in candidates])
        if not positive or not negative:
            return candidates
        explores = chance(request, _SALT) < self.epsilon_explore_neg
        kept = set(negative if explores else positive)
        return [c for c in candidates if c.endpoint.slot in kept]
