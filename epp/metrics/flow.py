"""What flow control counts (GAIE's and llm-d-router's ``flow_control_*``)."""

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from epp.api.request import Request
from epp.metrics import buckets
from epp.metrics.series import ByRequest, Histogram


class FlowLoad(NamedTuple):
    """How full flow control and the pool are, now.

    Attributes:
        saturation: of the pool, by stage; the stage ``""`` is the one GAIE knows.
        stale_endpoints: endpoints without fresh figures, by name of the detector.
        bands: share of what may wait that does, by priority: as requests and as bytes.
        whole: the same over all bands; None where nothing bounds what may wait.
        reclaim_target: how much of the pool the last revocations were to give back, in units of
            saturation.
        pending_reclaim: how much of it they have still to give back.
    """

    saturation: Mapping[str, float] = MappingProxyType({})
    stale_endpoints: Mapping[str, int] = MappingProxyType({})
    bands: Mapping[int, tuple[float, float]] = MappingProxyType({})
    whole: tuple[float | None, float | None] = (None, None)
    reclaim_target: float = 0.0
    pending_reclaim: float = 0.0


class FlowSeries:
    """The requests of one set of labels that wait or have waited.

    Attributes:
        waiting: requests queued now.
        bytes: their sizes.
        seconds: how long they waited, by outcome.
    """

    __slots__ = ("bytes", "seconds", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self.bytes = 0
        self.seconds: dict[str, Histogram] = {}

    def joined(self, size: int) -> None:
        """Count a request of so many bytes that is queued; ``left`` must follow once."""
        self.waiting += 1
        self.bytes += size

    def left(self, size: int) -> None:
        """Count a request that is queued no more."""
        self.waiting -= 1
        self.bytes -= size

    def ended(self, outcome: str, seconds: float) -> None:
        """Record how a request left flow control and how long it was there."""
        histogram = self.seconds.get(outcome)
        if histogram is None:
            histogram = self.seconds[outcome] = Histogram(buckets.QUEUE_SECONDS)
        histogram.observe(seconds)


class FlowMetrics:
    """Everything of flow control; outcomes are upstream's words, for example ``Dispatched``.

    Attributes:
        requests: by labels of requests.
        cycles: seconds of dispatch cycles.
        enqueueing: seconds that taking a request in took, by fairness id, priority and outcome.
        outcomes: requests by outcome and priority.
        revocations_issued: requests in flight that were told to end, by priority.
        revocations: how they ended, by outcome.
        confirming: seconds until they had ended.
        load: tells how full it is; None while nobody does.
    """

    def __init__(self) -> None:
        self.requests: ByRequest[FlowSeries] = ByRequest(FlowSeries)
        self.cycles = Histogram(buckets.FAST_SECONDS)
        self.enqueueing: ByRequest[dict[str, Histogram]] = ByRequest(dict)
        self.outcomes: Counter[tuple[str, int]] = Counter()
        self.revocations_issued: Counter[int] = Counter()
        self.revocations: Counter[str] = Counter()
        self.confirming = Histogram(buckets.CONFIRMING_SECONDS)
        self.load: Callable[[], FlowLoad] | None = None

    def of(self, request: Request) -> FlowSeries:
        """Return where a request is counted while and after it waits."""
        return self.requests[
            request.model, request.target_model, request.fairness_id, request.priority
        ]

    def enqueued(self, request: Request, outcome: str, seconds: float) -> None:
        """Record how long it took to take a request in, or to turn it away at once."""
        by_outcome = self.enqueueing["", "", request.fairness_id, request.priority]
        histogram = by_outcome.get(outcome)
        if histogram is None:
            histogram = by_outcome[outcome] = Histogram(buckets.FAST_SECONDS)
        histogram.observe(seconds)

    def ended(self, request: Request, outcome: str, seconds: float) -> None:
        """Record how a request left flow control and how many seconds it was there."""
        self.of(request).ended(outcome, seconds)
        self.outcomes[outcome, request.priority] += 1
