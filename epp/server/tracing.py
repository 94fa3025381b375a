"""Spans by OpenTelemetry: whether, where to, and which ones (``gaiectl[tracing]``).

Nothing is exported unless somebody says so: by the flag ``--tracing`` or by a variable that says
where to. (The Go EPP prints spans by default.) The packages are imported when they are needed.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from epp.server.build import Build
from epp.server.flags import Parsed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Tracer

log = logging.getLogger("trace")

SCOPE = "gateway-api-inference-extension/epp/extproc"
SERVICE = "gateway-api-inference-extension"
_SAMPLER = "parentbased_traceidratio"
_RATIO = 0.1
_ENDPOINT = "http://localhost:4317"
_WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_FLUSH_SECONDS = 3.0


class TracingSettings(NamedTuple):
    """How spans are exported.

    Attributes:
        endpoint: URL of the OTLP receiver (gRPC); empty prints them on stdout.
        service: name of the service.
        ratio: share of the traces that begin here which are kept; others follow their parent.
        complaints: what was said wrongly, and what was done instead.
    """

    endpoint: str
    service: str = SERVICE
    ratio: float = _RATIO
    complaints: tuple[str, ...] = ()


def tracing_settings(parsed: Parsed, environment: Mapping[str, str]) -> TracingSettings | None:
    """Return how spans are exported; None when they are not.

    ``--tracing=false`` wins over the variables; ``OTEL_TRACES_EXPORTER=none`` does, too.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    places = [environment[name] for name in _WHERE if environment.get(name)]
    is_wanted = "tracing" in parsed.given or exporter or places
    if not parsed.options.tracing or not is_wanted or exporter == "none":
        return None
    complaints = []
    if exporter not in ("", "otlp", "console"):
        complaints.append(f"OTEL_TRACES_EXPORTER: {exporter!r} is not known; using otlp")
    sampler = environment.get("OTEL_TRACES_SAMPLER", _SAMPLER)
    if sampler != _SAMPLER:
        complaints.append(f"OTEL_TRACES_SAMPLER: {sampler!r} is not known; using {_SAMPLER}")
    given = environment.get("OTEL_TRACES_SAMPLER_ARG", "")
    ratio = _ratio(given) if sampler == _SAMPLER else _RATIO
    if ratio is None:
        ratio = _RATIO
        if given:
            complaints.append(f"OTEL_TRACES_SAMPLER_ARG: {given!r} is no ratio; using {_RATIO}")
    return TracingSettings(
        "" if exporter == "console" else next(iter(places), _ENDPOINT),
        environment.get("OTEL_SERVICE_NAME") or SERVICE,
        ratio,
        tuple(complaints),
    )


def _ratio(text: str) -> float | None:
    try:
        ratio = float(text)
    except ValueError:
        return None
    return ratio if 0.0 <= ratio <= 1.0 else None


class Tracing:
    """The exporter at work.

    Args:
        settings: where to and what.
        build: named in every span.

    Raises:
        ModuleNotFoundError: the packages are not installed.
    """

    def __init__(self, settings: TracingSettings, build: Build) -> None:
        self._provider = _provider(settings, build)
        self.tracer: Tracer = self._provider.get_tracer(
            SCOPE, build.ref, attributes={"commit-sha": build.commit}
        )

    async def stop(self) -> None:
        """Send what is left, for a short while."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=flush, daemon=True).start()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await done.wait()
        except TimeoutError:
            log.warning("some spans were not sent")


def _provider(settings: TracingSettings, build: Build) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only if spans are wanted
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    # Whatever goes wrong is said once by _Once, not for each attempt.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(settings.ratio),
        resource=Resource.create({"service.name": settings.service, "service.version": build.ref}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
    return provider


def _exporter(settings: TracingSettings) -> "SpanExporter":
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - only if spans are wanted
        ConsoleSpanExporter,
        SpanExporter,
        SpanExportResult,
    )

    if not settings.endpoint:
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    class Once(SpanExporter):
        """Sends spans, and says once when that begins to fail and when it works again."""

        def __init__(self, inner: SpanExporter) -> None:
            self._inner = inner
            self._is_failing = False

        def export(self, spans: Sequence["ReadableSpan"]) -> "SpanExportResult":
            result = self._inner.export(spans)
            is_failing = result is not SpanExportResult.SUCCESS
            if is_failing != self._is_failing:
                self._is_failing = is_failing
                say = log.warning if is_failing else log.info
                say("spans are %s at %s", "lost" if is_failing else "taken", settings.endpoint)
            return result

        def shutdown(self) -> None:
            self._inner.shutdown()

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return self._inner.force_flush(timeout_millis)

    is_plain = not settings.endpoint.startswith("https://")
    return Once(OTLPSpanExporter(endpoint=settings.endpoint, insecure=is_plain))
