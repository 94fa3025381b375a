"""What all plugins that ask the latency predictor have in common: parameters, and hooks."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from epp.api.data import LatencyPrediction, PrefixMatch, Tokens
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param, Seconds
from epp.api.plugin import Instance, Outcome
from epp.api.request import Decision, Request
from epp.prediction.tracker import Terms, Tracker

if TYPE_CHECKING:
    from epp.prediction.predictor import Posts

FIVE_MINUTES = Seconds(300)


@dataclass(frozen=True, slots=True, eq=False)
class Predicting:
    """Publishes predictions under the name of the instance, and learns from responses.

    Parameters are those of GAIE's and llm-d's plugins; two of them are only there to be accepted.
    """

    sampling_mean: Annotated[float, Param("Has no effect.", above=0)] = 1000.0
    slo_buffer_factor: Annotated[
        float, Param("Factor of the time per output token asked for.", above=0)
    ] = 1.0
    context_ttl: Annotated[Seconds, Param("Has no effect.", name="contextTTL", above=0)] = (
        FIVE_MINUTES
    )
    streaming_mode: Annotated[bool, Param("Responses are streamed.")] = False
    endpoint_role_label: Annotated[str, Param("Pod label with the endpoint's role.")] = ""

    produces: ClassVar[frozenset[type]] = frozenset({LatencyPrediction})
    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch, Tokens})
    needs_response: ClassVar[str] = "body"

    tracker: Tracker = field(init=False, repr=False)
    name: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        terms = Terms(
            slo_buffer_factor=self.slo_buffer_factor,
            is_streaming=self.streaming_mode,
            role_label=self.endpoint_role_label,
            predicts=self.predicts,
        )
        object.__setattr__(self, "tracker", Tracker(terms))

    @property
    def predicts(self) -> bool:
        """Whether to predict, and not only to learn."""
        return True

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Take note of the name."""
        del instances
        object.__setattr__(self, "name", name)
        return ""

    def inherit(self, predecessor: object) -> None:
        """Go on with the counts of the instance whose place it takes."""
        if isinstance(predecessor, Predicting):
            self.tracker.series = predecessor.tracker.series

    def begin(self, connect: "Callable[[str], Posts]") -> None:
        """Begin to ask the predictor, through HTTP clients that ``connect`` makes."""
        from epp.prediction.running import begin  # noqa: PLC0415 - checking a file needs no network

        begin(self.tracker, connect)

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
