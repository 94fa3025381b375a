"""Spans are exported only when somebody says so, and hold together as one trace."""

import marshal
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from epp.api.endpoint import Candidate
from epp.api.errors import Refusal, no_target
from epp.api.plugin import Outcome
from epp.api.request import Request
from epp.config.loader import load
from epp.scheduling.scheduler import Scheduler
from epp.server.debug_records import EXPLAIN
from epp.server.flags import parse
from epp.server.tracing import TracingSettings, tracing_settings
from epp.server.tracing_spans import RequestSpans, Traced
from epp.server.workers.messages import PromptNeeds, facts, request_of

Pod = Callable[..., Candidate]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
OTLP = {"OTEL_TRACES_EXPORTER": "otlp"}
CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
  name: kv
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: kv}, {pluginRef: max-score-picker}]
"""


@pytest.mark.parametrize(
    ("flags", "environment", "expected"),
    [
        ([], {}, None),
        ([], {"OTEL_SERVICE_NAME": "x"}, None),
        (["--tracing=false"], OTLP, None),
        (["--tracing"], {"OTEL_TRACES_EXPORTER": "none"}, None),
        (["--tracing"], {}, TracingSettings("http://localhost:4317")),
        ([], OTLP, TracingSettings("http://localhost:4317")),
        ([], {"OTEL_TRACES_EXPORTER": "console"}, TracingSettings("")),
        (
            [],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4317", "OTEL_SERVICE_NAME": "me"},
            TracingSettings("https://c:4317", "me"),
        ),
        (
            [],
            {**OTLP, "OTEL_TRACES_SAMPLER_ARG": "0.5"},
            TracingSettings("http://localhost:4317", ratio=0.5),
        ),
    ],
)
def test_flags_and_variables_decide_what_is_exported(
    flags: Sequence[str], environment: Mapping[str, str], expected: TracingSettings | None
) -> None:
    assert tracing_settings(parse(flags), environment) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "much"),
        ("OTEL_TRACES_SAMPLER_ARG", "7"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
    ],
)
def test_what_is_not_known_is_named_and_replaced_by_the_default(name: str, value: str) -> None:
    settings = tracing_settings(parse(["--tracing"]), {name: value})

    assert settings is not None
    assert settings[:3] == TracingSettings("http://localhost:4317")[:3]
    assert name in settings.complaints[0]
    assert value in settings.complaints[0]


class Telescope:
    """Spans in memory, and what opens them."""

    def __init__(self, ratio: float = 1.0) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer: Tracer = provider.get_tracer("test")
        config = load(CONFIG)
        self.scheduler = Scheduler(config.profiles, config.handler, config.instances)
        self.traced = Traced(self.tracer, self.scheduler, self.scheduler)
        self.watch = RequestSpans(self.tracer)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


def ask(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = Request("r1", named, "llama", target_model="llama-2", priority=3)
    asked.received_at = perf_counter() - 1.0
    return asked


def test_one_request_is_one_tree_below_the_client(pod: Pod) -> None:
    view, pool = Telescope(), [pod(queue=1), pod(queue=5, kv=0.5)]
    asked = ask(traceparent=f"00-{TRACE}-{PARENT}-01", baggage="team=a")

    view.watch.received(asked)
    decision = view.traced.schedule(asked, pool)
    view.watch.routed(asked, decision)
    view.watch.finished(asked, decision, Outcome(200))
    spans = view.spans()
    parents = {
        name: next(
            (
                other.name
                for other in spans.values()
                if other.context and span.parent and other.context.span_id == span.parent.span_id
            ),
            "",
        )
        for name, span in spans.items()
    }

    assert parents == {
        "gateway.request": "",
        "gateway.request_orchestration": "gateway.request",
        "run_scheduler_profile": "gateway.request_orchestration",
        "llm_d.epp.scoring": "run_scheduler_profile",
        "llm_d.epp.scorer.queue-scorer": "llm_d.epp.scoring",
        "llm_d.epp.scorer.kv-cache-utilization-scorer": "llm_d.epp.scoring",
        "pick_endpoints": "run_scheduler_profile",
    }
    whole = spans["gateway.request"]
    assert whole.kind is SpanKind.SERVER
    assert whole.parent is not None
    assert f"{whole.parent.trace_id:032x}-{whole.parent.span_id:016x}" == f"{TRACE}-{PARENT}"
    assert whole.start_time is not None
    assert whole.end_time is not None
    assert whole.end_time - whole.start_time > 0.9e9
    assert dict(whole.attributes or {}) == {
        "gen_ai.request.model": "llama",
        "gen_ai.request.id": "r1",
        "http.response.status_code": 200,
    }
    scorer = dict(spans["llm_d.epp.scorer.kv-cache-utilization-scorer"].attributes or {})
    assert scorer["llm_d.epp.scorer.name"] == "kv"
    assert scorer["llm_d.epp.scorer.score.max"] == 1.0
    assert scorer["llm_d.epp.scorer.score.avg"] == 0.75


def test_the_model_server_is_told_of_the_trace(pod: Pod) -> None:
    view = Telescope()
    asked = ask(traceparent=f"00-{TRACE}-{PARENT}-01", baggage="team=a")

    view.watch.received(asked)
    decision = view.traced.schedule(asked, [pod()])
    view.watch.finished(asked, decision, Outcome(200))
    context = view.spans()["gateway.request"].context

    assert context is not None
    assert decision.headers == (("traceparent", f"00-{TRACE}-{context.span_id:016x}-01"),)


def test_a_trace_that_is_not_kept_makes_no_spans_but_is_passed_on(pod: Pod) -> None:
    view = Telescope()
    asked = ask(traceparent=f"00-{TRACE}-{PARENT}-00")

    view.watch.received(asked)
    decision = view.traced.schedule(asked, [pod()])
    view.watch.routed(asked, decision)
    view.watch.finished(asked, decision, Outcome(200))

    assert view.spans() == {}
    assert [(name, value[:35], value[-2:]) for name, value in decision.headers] in (
        [("traceparent", f"00-{TRACE}", "00")],
        [],
    )


def test_a_refusal_ends_the_spans_as_failed(pod: Pod) -> None:
    view, asked = Telescope(), ask()

    view.watch.received(asked)
    with pytest.raises(Refusal):
        view.traced.schedule(asked, [])
    view.watch.refused(asked, no_target("none left"))
    view.watch.finished(asked, None, Outcome())  # type: ignore[arg-type] # comes after it, late

    status = view.spans()["gateway.request"].status
    assert status.status_code is StatusCode.ERROR
    assert status.description == (
        "InferencePoolResourceExhausted: failed to find target pod: none left"
    )


def test_a_client_that_leaves_ends_the_spans() -> None:
    view, asked = Telescope(), ask()

    view.watch.received(asked)
    view.watch.abandoned(asked)

    assert set(view.spans()) == {"gateway.request", "gateway.request_orchestration"}


def test_it_decides_as_without_spans(pod: Pod) -> None:
    view, pool = Telescope(), [pod(queue=3), pod(queue=0), pod(queue=2)]
    asked, recorded = ask(), ask(**{EXPLAIN: "1"})
    for each in (asked, recorded):
        view.watch.received(each)

    assert view.traced.schedule(asked, pool).endpoints == (pool[1].endpoint,)
    assert view.traced.schedule(recorded, pool).endpoints == (pool[1].endpoint,)


@pytest.mark.parametrize("flags", ["01", "00"])
def test_what_another_process_decides_is_in_the_same_tree(pod: Pod, flags: str) -> None:
    view, decider = Telescope(), Telescope()
    asked = ask(traceparent=f"00-{TRACE}-{PARENT}-{flags}", baggage="team=a")

    RequestSpans(view.tracer, is_shared=True).received(asked)
    sent = marshal.dumps(facts(asked, 100, has_body=True, sends_body=False))
    arrived = request_of(marshal.loads(sent), PromptNeeds(lambda _: None))
    decision = decider.traced.schedule(arrived, [pod()])
    view.watch.routed(asked, decision)
    view.watch.finished(asked, decision, Outcome(200))

    (told,) = [value for name, value in decision.headers if name == "traceparent"]
    assert told.startswith(f"00-{TRACE}-")
    if flags == "00":
        assert not decider.spans()
        return
    whole, orchestration = (
        view.spans()[name].context for name in ("gateway.request", "gateway.request_orchestration")
    )
    parent = decider.spans()["run_scheduler_profile"].parent
    assert whole is not None
    assert orchestration is not None
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (int(TRACE, 16), orchestration.span_id)
    assert told == f"00-{TRACE}-{whole.span_id:016x}-01"
