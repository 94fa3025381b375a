"""All metrics of the EPP behind methods named for events.

Names, labels and buckets are GAIE's (``inference_objective_*``, ``inference_pool_*``,
``inference_extension_*``), so that its dashboards and alerts keep working.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import cycle

from epp.api.endpoint import Candidate, Endpoint
from epp.api.plugin import Instance
from epp.api.request import DEFAULT_FAIRNESS_ID, Request
from epp.metrics import buckets
from epp.metrics.causes import cause_of
from epp.metrics.flow import FlowMetrics
from epp.metrics.requests import RequestSeries
from epp.metrics.series import (
    LONGEST_LABEL_VALUE,
    MOST_LABEL_VALUES,
    OTHER,
    ByRequest,
    Histogram,
)

RESPONSE_SAMPLE = 64
"""Reading the clock for each part of a response costs about as much as the part."""

_MOST_ATTEMPTS = 10_000
_NO_PLUGINS: Sequence[Instance] = ()

PoolView = Callable[[], Sequence[Candidate] | None]
"""Returns the pool's candidates, or None before the pool was synced once."""


class StreamMetrics:
    """How ext-proc streams ended."""

    __slots__ = ("codes", "seconds")

    def __init__(self) -> None:
        self.codes: Counter[int] = Counter()
        """Streams by gRPC status."""
        self.seconds = Histogram(buckets.SECONDS)
        """How long they were open."""

    def ended(self, code: int, seconds: float) -> None:
        """Count the end of a stream."""
        self.codes[code] += 1
        self.seconds.observe(seconds)


class EppMetrics:
    """One per process; every method is cheap enough for the hot path.

    Args:
        commit: of the source this was built from.
        build_ref: branch or tag of the source.

    Attributes:
        instances: the plugins in use, whose own metrics are shown too.
        parts: the same for parts of the server, which stay when the configuration changes.
        before_exposition: called and awaited before anything is shown.
        response_note: what must be known of figures that come from responses, for example that only
            a sample of them is watched; part of their help texts.
    """

    def __init__(self, *, commit: str = "unknown", build_ref: str = "unknown") -> None:
        self.commit = commit
        self.build_ref = build_ref
        self.requests: ByRequest[RequestSeries] = ByRequest(RequestSeries)
        self.attempts: dict[tuple[str, Endpoint], int] = {}
        """Requests scheduled, by target model and endpoint."""
        self._attempted: dict[Endpoint, list[tuple[str, Endpoint]]] = {}
        self.processing = Histogram(buckets.PROCESSING_SECONDS)
        """Seconds from each request's arrival to its answer."""
        self.responding = Histogram(buckets.RESPONDING_SECONDS)
        """Seconds of work on streamed responses, and from the headers of others to their end."""
        self.response_turns = cycle((True, *[False] * (RESPONSE_SAMPLE - 1)))
        """Which of the coming responses count in ``responding``."""
        self.flow = FlowMetrics()
        self.instances = _NO_PLUGINS
        self.parts: list[Instance] = []
        self.before_exposition: list[Callable[[], Awaitable[None]]] = []
        self.response_note = ""
        self.scheduling = Histogram(buckets.FAST_SECONDS)
        """Seconds of each scheduling cycle, successful or not."""
        self.unschedulable = 0
        """Scheduling cycles that found no endpoint."""
        self.plugins: dict[tuple[str, str, str], Histogram] = {}
        self.scope_violations: Counter[tuple[str, str, str, str]] = Counter()
        """Data that plugins handed out and may not: where, type, name, ``write``."""
        self.prefix_hit_ratio = Histogram(buckets.HIT_RATIO)
        self.prefix_hit_bytes = Histogram(buckets.HIT_BYTES)
        self.prefix_indexer_size: Callable[[], float] | None = None
        self.rewrites: Counter[tuple[str, str, str]] = Counter()
        """Model rewrites by object, incoming model and target."""
        self.pools: dict[str, PoolView] = {}
        self.pool_means: dict[str, Sequence[tuple[float, float]]] = {}
        """Mean and standard deviation of each figure, as last known."""
        self.streams_open = 0
        """ext-proc streams open now."""
        self.streams: StreamMetrics | None = None
        """How they ended; None if nobody wants to know."""
        self.scrapes = 0
        self.scrape_errors: Counter[str] = Counter()
        self.poll_errors: Counter[str] = Counter()
        """Failures of data sources, by type."""
        self.extract_errors: Counter[tuple[str, str]] = Counter()
        """Failures of extractors, by type of data source and of extractor."""
        self.missing: dict[Endpoint, tuple[str, ...]] = {}
        self.discovery_errors = 0
        self.discovery_is_current = False
        self.discovery_last_success = 0.0
        self.unresolved_names = 0

    def exchange_started(
        self, request: Request, endpoint: Endpoint, seconds: float
    ) -> RequestSeries:
        """Count a request that was scheduled and runs now; return what its end is told to.

        Args:
            request: as it is sent on; without a body it has no model.
            endpoint: the primary one.
            seconds: from its arrival to now.
        """
        series = self.requests[
            request.model, request.target_model, request.fairness_id, request.priority
        ]
        series.sizes.observe(request.size)
        series.running += 1
        self.processing.observe(seconds)
        self.attempted(request.target_model, endpoint)
        return series

    def attempted(self, target_model: str, endpoint: Endpoint) -> None:
        """Count a request that was scheduled there; a part of ``exchange_started``."""
        key = (target_model, endpoint)
        if key in self.attempts:
            self.attempts[key] += 1
        else:
            self._first_attempt(target_model, endpoint)

    def request_failed(self, request: Request | None, code: str, message: str = "") -> None:
        """Count a request that was refused or whose model server answered with an error.

        Args:
            request: None if it could not even be read.
            code: ``Code.text``, ``Unknown`` or ``ModelServerError``; an empty one counts nothing.
            message: of the refusal, which tells its cause.
        """
        if code:
            self.of(request).errors[code, cause_of(code, message)] += 1

    def of(self, request: Request | None) -> RequestSeries:
        """Return where a request is counted; None stands for one that was not seen."""
        if request is None:
            return self.requests["", "", DEFAULT_FAIRNESS_ID, 0]
        return self.requests[
            request.model, request.target_model, request.fairness_id, request.priority
        ]

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Drop the series of an endpoint that exists no more."""
        self.missing.pop(endpoint, None)
        for key in self._attempted.pop(endpoint, ()):
            del self.attempts[key]

    def _first_attempt(self, target_model: str, endpoint: Endpoint) -> None:
        key = (target_model[:LONGEST_LABEL_VALUE], endpoint)
        if key not in self.attempts and len(self.attempts) >= _MOST_ATTEMPTS:
            key = (OTHER, endpoint)
        if key not in self.attempts:
            self.attempts[key] = 0
            self._attempted.setdefault(endpoint, []).append(key)
        self.attempts[key] += 1

    def rewritten(self, rule: str, model: str, target_model: str) -> None:
        """Count a request whose model a rule has replaced; a rule for any model meets any name."""
        key = (rule, model[:LONGEST_LABEL_VALUE], target_model)
        if key not in self.rewrites and len(self.rewrites) >= MOST_LABEL_VALUES:
            key = (rule, OTHER, target_model)
        self.rewrites[key] += 1

    def plugin_timer(self, extension_point: str, plugin_type: str, plugin_name: str) -> Histogram:
        """Return where the seconds of one plugin go; the same object each time."""
        key = (extension_point, plugin_type, plugin_name)
        timer = self.plugins.get(key)
        if timer is None:
            timer = self.plugins[key] = Histogram(buckets.FAST_SECONDS)
        return timer

    def prefix_matched(self, hit_bytes: int, total_bytes: int) -> None:
        """Record how much of a prompt the chosen endpoint is thought to have cached."""
        self.prefix_hit_bytes.observe(hit_bytes)
        if total_bytes:
            self.prefix_hit_ratio.observe(hit_bytes / total_bytes)

    def scrape_finished(self) -> None:
        """Count a scrape that brought usable values."""
        self.scrapes += 1

    def scrape_failed(self, kind: str) -> None:
        """Count a failed scrape; ``kind`` is one of ``epp.datalayer.scraper``'s kinds."""
        self.scrape_errors[kind] += 1

    def metrics_missing(self, endpoint: Endpoint, names: Iterable[str]) -> None:
        """Note which wanted metrics a model server does not export now; none clears the note."""
        if names := tuple(names):
            self.missing[endpoint] = names
        else:
            self.missing.pop(endpoint, None)

    def discovery_succeeded(self, at: float) -> None:
        """Note that the endpoints were read; ``at`` is Unix seconds."""
        self.discovery_is_current = True
        self.discovery_last_success = at

    def discovery_failed(self) -> None:
        """Count an attempt to read the endpoints that kept the old state."""
        self.discovery_is_current = False
        self.discovery_errors += 1

    def follow_pool(self, name: str, candidates: PoolView) -> None:
        """Show the gauges of a pool, evaluated at each exposition."""
        self.pools[name] = candidates
