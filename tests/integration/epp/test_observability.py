"""What a running EPP tells of itself: metrics, debug pages, lines of log, spans."""

import json
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc
from prometheus_client.parser import text_string_to_metric_families

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
BUFFERED = 2
SECRET = "my credit card is 1234-5678"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FAILED = "4bf92f3577b34da6a3ce929d0e0e4737"
STATUS_ERROR = 2


def exchange(epp: Any, body: bytes, **headers: str) -> dict[str, str]:
    """Ask where a request goes; return the headers set for the model server."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    full = {":method": "POST", ":path": "/v1/completions", "x-request-id": "r1", **named}
    entries = [wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in full.items()]
    messages = [
        wire.ProcessingRequest(
            request_headers=wire.HttpHeaders(headers=wire.HeaderMap(headers=entries)),
            protocol_config=wire.ProtocolConfiguration(request_body_mode=BUFFERED),
        ),
        wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True)),
    ]
    with grpc.insecure_channel(epp.address) as channel:
        process = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        replies = list(process(iter(messages), timeout=60))
    options = replies[-1].request_body.response.header_mutation.set_headers
    return {option.header.key: option.header.raw_value.decode() for option in options}


def ask(model: str = "m") -> bytes:
    return json.dumps({"model": model, "prompt": SECRET, "cache_salt": SECRET}).encode()


def log_lines(epp: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in epp.log.read_text().splitlines()]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_decision_is_recorded_if_its_request_asks_for_it(start: Start, workers: int) -> None:
    epp = start(
        "--secure-serving=false",
        "--drain-timeout=0",
        "--enable-decision-records",
        f"--workers={workers}",
        a="127.0.0.1:9",
    )

    exchange(epp, ask(), x_gateway_inference_explain="true", authorization=SECRET)
    made = epp.http("/debug/decisions/r1")

    assert epp.http("/debug/decisions").json() == {"requestIds": ["r1"]}
    assert made.json()["decision"]["destinations"] == ["127.0.0.1:9"]
    assert made.json()["profiles"][0]["endpoints"][0]["rank"] == 1
    assert SECRET not in made.text


def test_the_debug_pages_are_as_closed_as_the_metrics(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0", "--metrics-endpoint-auth=true")

    for path in ("/metrics", "/debug/state", "/debug/plugins/state", "/debug/pprof/profile"):
        assert epp.http(path).status_code == 401, path


def test_the_state_of_a_running_epp_is_json(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0")
    state = epp.http("/debug/state").json()

    assert state["ready"] is True
    assert [e["address"] for e in state["pool"]["endpoints"]] == ["127.0.0.1:9"]
    assert {p["type"] for p in state["config"]["plugins"]} >= {"queue-scorer", "file-discovery"}
    assert set(epp.http("/debug/plugins/state").json()["plugins"]) >= {"queue-scorer"}


def test_at_the_start_the_log_tells_what_runs(start: Start) -> None:
    lines = {
        line["msg"]: line
        for line in log_lines(start("--secure-serving=false", "--drain-timeout=0", "--v=2"))
    }

    assert lines["build"].keys() >= {"commit", "ref", "version"}
    assert lines["flags"]["flags"]["v"] == 2
    assert "queue-scorer" in json.dumps(lines["loaded configuration"])
    assert all(line.keys() >= {"level", "ts", "logger", "caller", "msg"} for line in lines.values())


@pytest.mark.parametrize("verbosity", [0, 5])
def test_nothing_that_a_client_says_is_logged(start: Start, verbosity: int) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0", f"--v={verbosity}")

    exchange(epp, ask(), authorization=f"Bearer {SECRET}", cookie=SECRET)
    exchange(epp, SECRET.encode())
    exchange(epp, json.dumps({"prompt": SECRET}).encode())
    epp.stop()
    text = epp.log.read_text()

    assert SECRET not in text
    assert "credit card" not in text
    assert ("EPP received request" in text) == (verbosity >= 3)


def test_lines_of_a_request_carry_its_id(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0", "--v=3")

    exchange(epp, ask(), x_request_id="r7")
    exchange(epp, SECRET.encode(), x_request_id="r8")
    epp.stop()
    lines = [line for line in log_lines(epp) if line.get("x-request-id") == "r7"]
    unread = [line for line in log_lines(epp) if line.get("x-request-id") == "r8"]

    assert [line["msg"] for line in lines] == [
        "EPP received request",
        "EPP sent request body response(s) to proxy",
        "EPP saw the end of the exchange",
    ]
    assert {line["level"] for line in lines} == {"info"}
    assert lines[1]["targetModelName"] == "m"
    assert [line["msg"] for line in unread] == ["EPP received request", "EPP refused request"]
    assert unread[1]["code"] == "BadRequest"


def test_metrics_can_be_read_while_requests_flow(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0", "--enable-grpc-stream-metrics")

    exchange(epp, ask(), x_gateway_inference_fairness_id="team")
    text = epp.http("/metrics").text
    names = {family.name for family in text_string_to_metric_families(text)}

    assert 'llm_d_epp_request_total{fairness_id="team",model_name="m",priority="0"' in text
    assert 'llm_d_epp_extproc_streams_total{code="OK"} 1\n' in text
    assert names >= {"inference_extension_info", "llm_d_epp_info", "process_cpu_seconds"}


class Receiver(otlp_grpc.TraceServiceServicer):  # type: ignore[misc] # generated without types
    """Takes spans by OTLP."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[otlp.ExportTraceServiceRequest] = queue.SimpleQueue()

    def Export(  # noqa: N802 - named by the protocol
        self, request: otlp.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> otlp.ExportTraceServiceResponse:
        self.requests.put(request)
        return otlp.ExportTraceServiceResponse()


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    taking = Receiver()
    otlp_grpc.add_TraceServiceServicer_to_server(taking, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield taking, f"http://127.0.0.1:{port}"
    server.stop(0).wait()


def values(attributes: Any) -> Mapping[str, str]:
    return {item.key: item.value.string_value for item in attributes}


def is_told_of(trace: str, taken: Sequence[otlp.ExportTraceServiceRequest]) -> bool:
    return any(bytes.fromhex(trace) in one.SerializeToString() for one in taken)


def test_spans_reach_a_receiver_and_the_model_server_knows_the_trace(
    start: Start, receiver: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, url = receiver
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=epp-1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    epp = start("--secure-serving=false", "--drain-timeout=0")

    headers = exchange(epp, ask(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    exchange(epp, SECRET.encode(), traceparent=f"00-{FAILED}-00f067aa0ba902b7-01")
    taken: list[otlp.ExportTraceServiceRequest] = []
    while any(not is_told_of(trace, taken) for trace in (TRACE, FAILED)):
        taken.append(taking.requests.get(timeout=60))
    epp.stop()
    while not taking.requests.empty():
        taken.append(taking.requests.get())
    resources = [resource for one in taken for resource in one.resource_spans]
    every = [s for one in resources for scope in one.scope_spans for s in scope.spans]
    spans = {span.name: span for span in every if span.trace_id.hex() == TRACE}
    failed = {span.name: span for span in every if span.trace_id.hex() == FAILED}
    resource = resources[0]

    assert spans.keys() >= {
        "gateway.request",
        "gateway.request_orchestration",
        "run_scheduler_profile",
        "llm_d.epp.scorer.queue-scorer",
        "pick_endpoints",
    }
    assert len(spans) + len(failed) == len(every)
    assert failed["gateway.request"].status.code == STATUS_ERROR
    assert failed["gateway.request"].status.message.startswith("BadRequest: ")
    assert headers["traceparent"] == f"00-{TRACE}-{spans['gateway.request'].span_id.hex()}-01"
    assert values(resource.resource.attributes)["k8s.pod.name"] == "epp-1"
    assert values(resource.resource.attributes)["service.name"] == "gateway-api-inference-extension"
    assert all(SECRET.encode() not in one.SerializeToString() for one in taken)


def test_a_receiver_that_is_away_is_named_once_and_harms_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
    epp = start("--secure-serving=false", "--drain-timeout=0")

    for _ in range(3):
        assert exchange(epp, ask())["x-gateway-destination-endpoint"] == "127.0.0.1:9"
    epp.stop()
    said = [
        line for line in log_lines(epp) if "127.0.0.1:9" in line["msg"] and "spans" in line["msg"]
    ]

    assert [line["level"] for line in said] in (["warn"], [])


def test_nothing_is_traced_unless_somebody_says_so(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout=0")

    assert "traceparent" not in exchange(epp, ask())
    assert not [line for line in log_lines(epp) if line["msg"] == "exporting spans"]
