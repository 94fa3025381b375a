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
    maxDecodeTokenSamplesForPrediction: has no effect.
    sloBufferFactor: the time per output token that is asked for is multiplied by this.
    contextTTL: has no effect; what is remembered of a request ends with it.
    streamingMode: responses are streamed; otherwise a whole response counts as its first token.
    endpointRoleLabel: pod label with the endpoint's role, prefill or decode.
    predictInProduce: predict at all, and not only learn.
    predictInPrepareData: older name of predictInProduce.

When to use:
    With latency-scorer, slo-headroom-tier-filter, latency-slo-admitter or
    prefix-cache-affinity-filter.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import LatencyPrediction, PrefixMatch, Tokens
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param, Seconds
from epp.api.plugin import Host, Instance, Outcome
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.prediction.tracker import Terms, Tracker

FIVE_MINUTES = Seconds(300)


@plugin("predicted-latency-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class PredictedLatencyProducer:
    """Publishes predictions."""

    sampling_mean: Annotated[float, Param("Has no effect.", above=0)] = 1000.0
    max_decode_token_samples_for_prediction: Annotated[int, Param("Has no effect.", minimum=0)] = 0
    slo_buffer_factor: Annotated[
        float, Param("Factor of the time per output token asked for.", above=0)
    ] = 1.0
    context_ttl: Annotated[Seconds, Param("Has no effect.", name="contextTTL", above=0)] = (
        FIVE_MINUTES
    )
    streaming_mode: Annotated[bool, Param("Responses are streamed.")] = False
    endpoint_role_label: Annotated[str, Param("Pod label with the endpoint's role.")] = ""
    predict_in_produce: Annotated[bool, Param("Predict, and not only learn.")] = True
    predict_in_prepare_data: Annotated[bool, Param("Older name of predictInProduce.")] = True

    produces: ClassVar[frozenset[type]] = frozenset({LatencyPrediction})
    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch, Tokens})
    needs_response: ClassVar[str] = "body"

    tracker: Tracker = field(init=False, repr=False)
    name: str = field(init=False, repr=False, default="predicted-latency-producer")

    def __post_init__(self) -> None:
        terms = Terms(
            slo_buffer_factor=self.slo_buffer_factor,
            is_streaming=self.streaming_mode,
            role_label=self.endpoint_role_label,
            predicts=self.predict_in_produce and self.predict_in_prepare_data,
        )
        object.__setattr__(self, "tracker", Tracker(terms))

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Take note of the name."""
        del instances
        object.__setattr__(self, "name", name)
        return ""

    def inherit(self, predecessor: object) -> None:
        """Go on with the counts of the instance whose place it takes."""
        if isinstance(predecessor, PredictedLatencyProducer):
            self.tracker.series = predecessor.tracker.series

    async def start(self, host: Host) -> None:
        """Begin to ask the predictor."""
        from epp.datalayer.client import Client  # noqa: PLC0415 - checking a file needs no network
        from epp.prediction.running import begin  # noqa: PLC0415 - the same

        del host
        begin(self.tracker, Client)

    async def stop(self) -> None:
        """Let go of the predictor."""
        from epp.prediction.running import end  # noqa: PLC0415 - checking a file needs no network

        await end(self.tracker)

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None] | None:
        """Ask for predictions of all candidates."""
        return self.tracker.produce(self, self.name, request, candidates)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note where the request goes."""
        del candidates
        self.tracker.dispatched(self, self.name, request, decision)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Learn from what the request took."""
        del decision
        self.tracker.completed(self, request, outcome)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what is in flight there."""
        self.tracker.endpoint_gone(endpoint)

    def metrics(self) -> Iterable[MetricFamily]:
        """Return what was predicted and observed."""
        return self.tracker.metrics()
