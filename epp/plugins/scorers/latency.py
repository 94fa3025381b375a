"""latency-scorer: the endpoint that keeps what the client asks for.

What:
    Scores by predicted times against the times that the client asks for in headers. Without these
    the fastest endpoint scores highest.

Formula:
    headroom = time asked for - time predicted. Only the best group that there is scores: those with
    no headroom below 0; without a request in flight; late with output tokens only; late with the
    first token only; late with both. In the group both absolute headrooms are put between 0 and 1
    and weighted to c, a time that is the same for all not counting: least scores 1 - c, most scores
    c, in steps of a hundredth. Late groups always score 1 - c. A candidate without a prediction
    scores the mean of the others.
    Without any prediction: the weighted mean of 1 - KV-cache use, (longest queue - queue) / longest
    queue, and the share of the prompt that is cached.

Reads:
    Predictions of predicted-latency-producer; prefix match of a producer; KV-cache use and queue.

Parameters:
    ttftWeight: of the time to the first token.
    tpotWeight: of the time per output token.
    headroomSelectionStrategy: least or most; composite-only never looks at predictions.
    compositeKVWeight: of the KV cache, without predictions.
    compositeQueueWeight: of the queue, without predictions.
    compositePrefixWeight: of the cached prefix, without predictions.
    latencyPredictionInfoProducerName: who predicts; the first one by default.

When to use:
    With predicted-latency-producer, slo-headroom-tier-filter and weighted-random-picker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Annotated, ClassVar, Literal

from epp.api.data import LatencyPrediction, PrefixMatch, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.headroom import Composite, Weights, best_group, composite_scores, graded


@scorer("latency-scorer")
@dataclass(frozen=True, slots=True)
class LatencyScorer:
    """Scores by predicted headroom."""

    ttft_weight: Annotated[float, Param("Of the time to the first token.", minimum=0)] = 0.8
    tpot_weight: Annotated[float, Param("Of the time per output token.", minimum=0)] = 0.2
    headroom_selection_strategy: Annotated[
        Literal["least", "most", "composite-only"], Param("Which headroom is preferred.")
    ] = "least"
    composite_kv_weight: Annotated[
        float, Param("Of the KV cache, without predictions.", name="compositeKVWeight", minimum=0)
    ] = 1.0
    composite_queue_weight: Annotated[
        float, Param("Of the queue, without predictions.", minimum=0)
    ] = 1.0
    composite_prefix_weight: Annotated[
        float, Param("Of the cached prefix, without predictions.", minimum=0)
    ] = 1.0
    latency_prediction_info_producer_name: Annotated[
        str, Param("Who predicts; the first one by default.")
    ] = ""

    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch, LatencyPrediction})

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the score of each by what it would take."""
        prediction = find(request, LatencyPrediction, self.latency_prediction_info_producer_name)
        slots = [c.endpoint.slot for c in candidates]
        group = best_group(prediction, slots) if prediction else []
        if prediction is None or not group or self._is_composite:
            weights = Composite(
                self.composite_kv_weight, self.composite_queue_weight, self.composite_prefix_weight
            )
            return composite_scores(request, candidates, weights)
        scores = graded(
            prediction,
            group,
            Weights(self.ttft_weight, self.tpot_weight),
            most=self.headroom_selection_strategy == "most",
        )
        known = {slot for slot in slots if prediction.headrooms(slot) is not None}
        mean = fsum(scores.values()) / len(known)
        return [scores.get(slot, 0.0 if slot in known else mean) for slot in slots]

    @property
    def _is_composite(self) -> bool:
        return self.headroom_selection_strategy == "composite-only"
