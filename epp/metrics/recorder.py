"""All metrics of the EPP behind methods named for events.

Names, labels and buckets are GAIE's (``inference_objective_*``, ``inference_pool_*``,
``inference_extension_*``), so that its dashboards and alerts keep working.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from epp.api.endpoint import Candidate, Endpoint
from epp.api.request import Usage
from epp.metrics import buckets
from epp.metrics.series import Bounded, Histogram

PoolView = Callable[[], Sequence[Candidate] | None]
"""Returns the pool's candidates, or None before the pool was synced once."""


class ModelSeries:
    """What is counted for one pair of incoming and target model."""

    __slots__ = (
        "cached_tokens",
        "duration",
        "errors",
        "input_tokens",
        "output_tokens",
        "response_sizes",
        "running",
        "seconds_per_token",
        "sizes",
    )

    def __init__(self) -> None:
        self.running = 0
        self.errors: Counter[str] = Counter()
        self.sizes = Histogram(buckets.REQUEST_BYTES)
        self.duration = Histogram(buckets.SECONDS)
        self.response_sizes = Histogram(buckets.RESPONSE_BYTES)
        self.input_tokens = Histogram(buckets.INPUT_TOKENS)
        self.output_tokens = Histogram(buckets.OUTPUT_TOKENS)
        self.cached_tokens = Histogram(buckets.INPUT_TOKENS)
        self.seconds_per_token = Histogram(buckets.SECONDS_PER_TOKEN)

    def ended(self) -> None:
        """Count the end of a request, whatever it was; exactly once for each that started."""
        self.running -= 1

    def completed(
        self, seconds: float, response_size: int | None = None, usage: Usage | None = None
    ) -> None:
        """Record an exchange that ended by itself.

        Args:
            seconds: from the request's arrival to the response's end.
            response_size: bytes of the response body; None when it was not seen.
            usage: tokens as the model server reported them; None when they were not seen.
        """
        self.duration.observe(seconds)
        if response_size is not None:
            self.response_sizes.observe(response_size)
        if usage is None:
            return
        if usage.prompt_tokens > 0:
            self.input_tokens.observe(usage.prompt_tokens)
        if usage.completion_tokens > 0:
            self.output_tokens.observe(usage.completion_tokens)
            self.seconds_per_token.observe(seconds / usage.completion_tokens)
        self.cached_tokens.observe(usage.cached_tokens)


class EppMetrics:
    """One per process; every method is cheap enough for the hot path.

    Args:
        commit: of the source this was built from.
        build_ref: branch or tag of the source.
        clock: monotonic seconds, the same that stamps scraped metrics.
    """

    def __init__(self, *, commit: str = "unknown", build_ref: str = "unknown") -> None:
        self.commit = commit
        self.build_ref = build_ref
        self.models: Bounded[ModelSeries] = Bounded(ModelSeries, 2)
        self.scheduling = Histogram(buckets.FAST_SECONDS)
        """Seconds of each scheduling cycle, successful or not."""
        self.unschedulable = 0
        """Scheduling cycles that found no endpoint."""
        self.plugins: dict[tuple[str, str, str], Histogram] = {}
        self.prefix_hit_ratio = Histogram(buckets.HIT_RATIO)
        self.prefix_hit_bytes = Histogram(buckets.HIT_BYTES)
        self.prefix_indexer_size: Callable[[], float] | None = None
        self.rewrites: Counter[tuple[str, str, str]] = Counter()
        """Model rewrites by object, incoming model and target."""
        self.pools: dict[str, PoolView] = {}
        self.pool_means: dict[str, tuple[float, float, float]] = {}
        self.streams_open = 0
        """ext-proc streams open now."""
        self.scrapes = 0
        self.scrape_errors: Counter[str] = Counter()
        self.missing: dict[Endpoint, tuple[str, ...]] = {}
        self.discovery_errors = 0
        self.discovery_is_current = False
        self.discovery_last_success = 0.0
        self.unresolved_names = 0

    def exchange_started(self, model: str, target: str, size: int) -> ModelSeries:
        """Count a request that was scheduled and runs now; return what its end is told to.

        Args:
            model: name asked for; empty for header-only requests.
            target: name the model server gets.
            size: bytes of the request's body.
        """
        series = self.models[model, target]
        series.sizes.observe(size)
        series.running += 1
        return series

    def request_failed(self, model: str, target: str, code: str) -> None:
        """Count a request that was refused or whose model server answered with an error.

        Args:
            model: name asked for.
            target: name the model server gets.
            code: ``Code.text``, ``Unknown`` or ``ModelServerError``; an empty one counts nothing.
        """
        if code:
            self.models[model, target].errors[code] += 1

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
