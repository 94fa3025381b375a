"""predicted-latency-producer: how long each endpoint would take, by a model that learns.

What:
    Asks the latency predictor beside this EPP for the time to the first token and the time per
    output token at each endpoint, and tells it afterwards what the request really took.

Formula:
    The predictor's own. Without it, and while it fails, nothing is predicted and requests go on.

Reads:
    KV-cache use, queue, requests running and prompt tokens in flight of each endpoint; tokens and
    prefix match of producers; x-llm-d-slo-ttft-ms and x-llm-d-slo-tpot-ms, or x-slo-ttft-ms and
    x-slo-tpot-ms, of the request; of responses their times and token counts. The environment says
    where the predictor is: PREDICTION_SERVER_URL, TRAINING_SERVER_URL, LATENCY_*.

Parameters:
    samplingMean: has no effect; every response is learnt from once, at its end.
    sloBufferFactor: the time per output token that is asked for is multiplied by this.
    contextTTL: has no effect; what is remembered of a request ends with it.
    streamingMode: responses are streamed; otherwise a whole response counts as its first token.
    endpointRoleLabel: pod label with the endpoint's role, prefill or decode.
    maxDecodeTokenSamplesForPrediction: has no effect.
    predictInProduce: predict at all, and not only learn.
    predictInPrepareData: older name of predictInProduce.

When to use:
    With latency-scorer, slo-headroom-tier-filter, latency-slo-admitter or
    prefix-cache-affinity-filter.
"""

from dataclasses import dataclass
from typing import Annotated

from epp.api.parameters import Param
from epp.api.plugin import Host
from epp.api.registry import Family, plugin
from epp.prediction.predicting import Predicting


@plugin("predicted-latency-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class PredictedLatencyProducer(Predicting):
    """Publishes predictions."""

    max_decode_token_samples_for_prediction: Annotated[int, Param("Has no effect.", minimum=0)] = 0
    predict_in_produce: Annotated[bool, Param("Predict, and not only learn.")] = True
    predict_in_prepare_data: Annotated[bool, Param("Older name of predictInProduce.")] = True

    @property
    def predicts(self) -> bool:
        """Whether to predict, and not only to learn."""
        return self.predict_in_produce and self.predict_in_prepare_data

    async def start(self, host: Host) -> None:
        """Begin to ask the predictor."""
        from epp.datalayer.client import Client  # noqa: PLC0415 - checking a file needs no network

        del host
        self.begin(Client)
