"""The spans of a request, with the names and attributes of llm-d-router.

    gateway.request                     from the request's arrival to the end of the exchange
      gateway.request_orchestration     until it is answered where it goes
        pick_disagg_profile             handlers of several stages
        run_scheduler_profile
          filter_endpoints
          llm_d.epp.scoring
            llm_d.epp.scorer.<type>
          pick_endpoints

The parent is the client's (``traceparent``, ``baggage``); the model server is given the context of
``gateway.request``. Prompts and headers are not among the attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter, time_ns
from types import MappingProxyType
from typing import Any

from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from epp.api.endpoint import Candidate
from epp.api.errors import Refusal
from epp.api.plugin import Instance, Outcome
from epp.api.request import Decision, Request
from epp.director.director import Schedules
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.stand_ins import watched
from epp.server.debug_records import is_wanted
from epp.server.trace_context import TRACE, TraceContext

_PROPAGATOR = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
_NONE: Mapping[str, str | int] = MappingProxyType({})
_STAGED = {
    "disagg-profile-handler": "pick_disagg_profile",
    "pd-profile-handler": "pick_pd_profile",
}


@dataclass(slots=True)
class _Spans:
    """The open spans of one request."""

    request: Span
    orchestration: Span
    outside: Context
    inside: Context


_KEY = _Spans
"""Where a request's spans are in its scratch memory."""


class RequestSpans:
    """Opens and closes the spans of requests.

    Args:
        tracer: opens spans.
        is_shared: another process decides, and its spans belong below these.
    """

    def __init__(self, tracer: Tracer, *, is_shared: bool = False) -> None:
        self._tracer = tracer
        self._is_shared = is_shared

    def received(self, request: Request) -> None:
        """Open the spans."""
        parent = _PROPAGATOR.extract(request.headers)
        arrived = time_ns() - int((perf_counter() - request.received_at) * 1e9)
        span = self._tracer.start_span(
            "gateway.request",
            parent,
            SpanKind.SERVER,
            {"gen_ai.request.model": request.model, "gen_ai.request.id": request.id},
            start_time=arrived,
        )
        outside = trace.set_span_in_context(span, parent)
        inner = self._tracer.start_span("gateway.request_orchestration", outside)
        inside = trace.set_span_in_context(inner, outside)
        request.scratch[_KEY] = _Spans(span, inner, outside, inside)
        if self._is_shared:
            request.scratch[TRACE] = TraceContext(_carried(outside), _carried(inside))

    def routed(self, request: Request, decision: Decision) -> None:
        """Close the span of the decision."""
        del decision
        spans: _Spans | None = request.scratch.get(_KEY)
        if spans is not None:
            spans.orchestration.set_attributes(
                {"target_model": request.target_model, "request_prio": request.priority}
            )
            spans.orchestration.end()

    def refused(self, request: Request | None, refusal: Refusal) -> None:
        """Close the spans as failed."""
        if request is not None:
            self._fail(request, f"{refusal.code.text}: {refusal.message}")

    def abandoned(self, request: Request) -> None:
        """Close the spans as failed."""
        self._fail(request, "the client left before a decision")

    def finished(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Close the span of the request."""
        del decision
        spans: _Spans | None = request.scratch.pop(_KEY, None)
        if spans is None:
            return
        if outcome.status:
            spans.request.set_attribute("http.response.status_code", outcome.status)
        if not outcome.is_complete or outcome.status >= 500:
            spans.request.set_status(Status(StatusCode.ERROR))
        spans.request.end()

    def _fail(self, request: Request, why: str) -> None:
        spans: _Spans | None = request.scratch.pop(_KEY, None)
        if spans is not None:
            for span in (spans.orchestration, spans.request):
                if span.is_recording():
                    span.set_status(Status(StatusCode.ERROR, why))
                    span.end()


def _carried(context: Context) -> dict[str, str]:
    """Return the headers that say where a trace is."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context)
    return carrier


def _contexts(request: Request) -> tuple[Context, Context] | None:
    """Return the contexts of the request and of its decision, whichever process opened them."""
    spans: _Spans | None = request.scratch.get(_KEY)
    if spans is not None:
        return spans.outside, spans.inside
    told: TraceContext | None = request.scratch.get(TRACE)
    if told is None:
        return None
    return _PROPAGATOR.extract(told.outside), _PROPAGATOR.extract(told.inside)


class Traced:
    """A scheduler that opens spans for its parts, and tells the model server of the trace.

    Args:
        tracer: opens spans.
        scheduler: decides.
        inner: the same one, or one around it: decides requests whose trace is not kept.
    """

    __slots__ = ("_inner", "_scheduler", "_tracer")

    def __init__(self, tracer: Tracer, scheduler: Scheduler, inner: Schedules) -> None:
        self._tracer = tracer
        self._scheduler = scheduler
        self._inner = inner

    def schedule(self, request: Request, candidates: Sequence[Candidate]) -> Decision:
        """Choose endpoints.

        Raises:
            Refusal: no endpoint can serve the request.
        """
        contexts = _contexts(request)
        if contexts is None:
            return self._inner.schedule(request, candidates)
        outside, inside = contexts
        is_kept = trace.get_current_span(inside).get_span_context().trace_flags.sampled
        if not is_kept or is_wanted(request):
            decision = self._inner.schedule(request, candidates)
        else:
            cycle = _Cycle(self._tracer, inside, self._scheduler)
            try:
                decision = watched(self._scheduler, cycle.stand_in).schedule(request, candidates)
            finally:
                cycle.end()
        told = _carried(outside)
        news = [(k, v) for k, v in told.items() if request.headers.get(k) != v]
        return decision._replace(headers=(*decision.headers, *news))

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Tell the plugins of a decision."""
        self._inner.dispatched(request, decision, candidates)

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Tell the plugins of an end."""
        self._inner.completed(request, decision, outcome)


class _Cycle:
    """The spans of one scheduling cycle.

    Nobody says when a profile begins and ends: it begins with the call of its first plugin and ends
    when something else is called.
    """

    def __init__(self, tracer: Tracer, context: Context, scheduler: Scheduler) -> None:
        self._tracer = tracer
        self._context = context
        self._scheduler = scheduler
        self._profile = ""
        self._open: list[tuple[str, Span, Context]] = []

    def stand_in(self, instance: Instance, profile: str) -> "_Watched":
        return _Watched(instance, profile, self)

    def enter(self, profile: str, part: str, attributes: Mapping[str, str | int] = _NONE) -> Span:
        """Return the span of a part of a profile; if it is not open, open it with attributes."""
        if profile != self._profile:
            self.end()
            self._profile = profile
            self._begin("run_scheduler_profile", {"llm_d.epp.scheduling.profile.name": profile})
        if len(self._open) > 1 and self._open[-1][0] != part:
            self._open.pop()[1].end()
        if len(self._open) == 1:
            self._begin(part, attributes)
        return self._open[-1][1]

    def child(self, name: str) -> Span:
        """Open a span within the innermost one."""
        context = self._open[-1][2] if self._open else self._context
        return self._tracer.start_span(name, context)

    def end(self) -> None:
        """Close what is open."""
        while self._open:
            self._open.pop()[1].end()
        self._profile = ""

    @property
    def total_profiles(self) -> int:
        return len(self._scheduler.profiles)

    def scorers(self, profile: str) -> Sequence[tuple[object, float]]:
        return self._scheduler.profiles[profile].scorers

    def _begin(self, name: str, attributes: Mapping[str, str | int]) -> None:
        span = self.child(name)
        span.set_attributes(dict(attributes))
        context = self._open[-1][2] if self._open else self._context
        self._open.append((name, span, trace.set_span_in_context(span, context)))


class _Watched:
    """Stands for a plugin of whichever family, and has the methods of all of them."""

    __slots__ = ("_cycle", "_instance", "_plugin", "_profile")

    def __init__(self, instance: Instance, profile: str, cycle: _Cycle) -> None:
        self._instance = instance
        self._plugin: Any = instance.plugin
        self._profile = profile
        self._cycle = cycle

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        first = {"llm_d.epp.filter.candidate_endpoints": len(candidates)}
        span = self._cycle.enter(self._profile, "filter_endpoints", first)
        kept: Sequence[Candidate] = self._plugin.filter(request, candidates)
        span.set_attribute("llm_d.epp.filter.filtered_endpoints", len(kept))
        return kept

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        scoring = self._cycle.enter(self._profile, "llm_d.epp.scoring")
        weights = {id(part): weight for part, weight in self._cycle.scorers(self._profile)}
        scoring.set_attribute("llm_d.epp.scorer.count", len(weights))
        span = self._cycle.child(f"llm_d.epp.scorer.{self._instance.type}")
        scores: Sequence[float] = self._plugin.score(request, candidates)
        span.set_attributes(
            {
                "llm_d.epp.scorer.type": self._instance.type,
                "llm_d.epp.scorer.name": self._instance.name,
                "llm_d.epp.scorer.weight": weights.get(id(self._plugin), 1.0),
                "llm_d.epp.scorer.candidate_endpoints": len(candidates),
                "llm_d.epp.scorer.endpoints_scored": len(scores),
                "llm_d.epp.scorer.score.max": max(scores, default=0.0),
                "llm_d.epp.scorer.score.avg": sum(scores) / len(scores) if scores else 0.0,
            }
        )
        span.end()
        return scores

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> Sequence[Candidate]:
        span = self._cycle.enter(self._profile, "pick_endpoints")
        chosen: Sequence[Candidate] = self._plugin.pick(candidates, scores, random)
        span.set_attribute("llm_d.epp.picker.candidate_endpoints", len(candidates))
        span.set_attribute(
            "llm_d.epp.picker.top_endpoints", [candidate.endpoint.name for candidate in chosen]
        )
        return chosen

    def profiles(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Sequence[str]:
        self._cycle.end()
        wanted: Sequence[str] = self._plugin.profiles(request, names, results)
        if name := _STAGED.get(self._instance.type):
            span = self._cycle.child(name)
            span.set_attributes(
                {
                    "llm_d.epp.profile_handler.selected_profile": ",".join(wanted),
                    "llm_d.epp.profile_handler.total_profiles": self._cycle.total_profiles,
                    "llm_d.epp.profile_handler.executed_profiles": len(results),
                }
            )
            span.end()
        return wanted

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        self._cycle.end()
        decision: Decision = self._plugin.decide(request, results)
        return decision
