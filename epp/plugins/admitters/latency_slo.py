"""latency-slo-admitter: turn sheddable requests away that would come too late anyway.

What:
    Refuses a request of negative priority that asks for times which no endpoint can keep.

Formula:
    Refused if the priority is below 0, a time is asked for, there are predictions, and of all
    candidates none is predicted to keep what is asked for, none is without running requests, none
    has less than 2 % of its KV cache in use, and the load of all is known.

Reads:
    Priority and headers of the request; predictions of predicted-latency-producer; requests running
    and KV-cache use.

Parameters:
    latencyPredictionInfoProducerName: who predicts; the first one by default.

When to use:
    With predicted-latency-producer, to keep room for requests that can still be served in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.data import LatencyPrediction, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request

COLD_KV_USAGE = 0.02


@plugin("latency-slo-admitter", Family.ADMITTER)
@dataclass(frozen=True, slots=True)
class LatencySloAdmitter:
    """Refuses what cannot be served in time."""

    latency_prediction_info_producer_name: Annotated[
        str, Param("Who predicts; the first one by default.")
    ] = ""

    consumes: ClassVar[frozenset[type]] = frozenset({LatencyPrediction})

    def objection_to(self, request: Request, candidates: Sequence[Candidate]) -> str:
        """Return why the request is refused; empty when it is not."""
        if request.priority >= 0:
            return ""
        prediction = find(request, LatencyPrediction, self.latency_prediction_info_producer_name)
        if prediction is None or not (prediction.ttft_slo or prediction.tpot_slo):
            return ""
        if any(_may_serve(prediction, candidate) for candidate in candidates):
            return ""
        return "no valid endpoint available to serve the request"


def _may_serve(prediction: LatencyPrediction, candidate: Candidate) -> bool:
    is_idle = candidate.running == 0 or candidate.metrics.kv_usage < COLD_KV_USAGE
    if not candidate.is_fresh or is_idle:
        return True
    headrooms = prediction.headrooms(candidate.endpoint.slot)
    if headrooms is None:
        return False
    ttft, tpot = headrooms
    return (ttft >= 0 or not prediction.ttft_slo) and (tpot >= 0 or not prediction.tpot_slo)
