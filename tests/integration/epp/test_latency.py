"""A running EPP that asks a latency predictor, and teaches it."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
CONFIG = """\
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: predicted-latency-producer, parameters: {streamingMode: true, endpointRoleLabel: x}}
- type: slo-headroom-tier-filter
- type: latency-scorer
- type: latency-slo-admitter
"""
STREAM = (
    b'data: {"choices": [{"text": "a"}]}\n\n',
    b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}\n\n',
    b"data: [DONE]\n\n",
)


class Predictor(ThreadingHTTPServer):
    """The sidecar: the first endpoint it is asked about is slow, all others are fast."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: list[dict[str, Any]] = []
        self.has_learnt = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = cast("Predictor", self.server)
        content = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/predict/bulk/strict":
            times = [{"ttft_ms": 900 if n == 0 else 50, "tpot_ms": 10} for n in range(9)]
            self._answer(200, {"predictions": times[: len(content["requests"])]})
        else:
            assert self.path == "/add_training_data_bulk"
            server.entries += content["entries"]
            self._answer(202, {})
            if len(server.entries) >= 2:
                server.has_learnt.set()

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Predictor]:
    """A running predictor, which the environment names."""
    server = Predictor()
    monkeypatch.setenv("PREDICTION_SERVER_URL", server.url)
    monkeypatch.setenv("TRAINING_SERVER_URL", server.url)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def header_map(**headers: str) -> wire.HeaderMap:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.HeaderMap(
        headers=[wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in named.items()]
    )


def exchange(epp: Any) -> str:
    """Send a request and a streamed response in full duplex; return where it went."""
    mode = wire.ProtocolConfiguration(request_body_mode=4, response_body_mode=4)
    entries = header_map(x_slo_ttft_ms="200", x_slo_tpot_ms="50")
    entries.headers.append(wire.HeaderValue(key=":path", raw_value=b"/v1/completions"))
    body = json.dumps({"model": "m", "prompt": "hello", "stream": True}).encode()

    answer = wire.HeaderMap(
        headers=[
            wire.HeaderValue(key=":status", raw_value=b"200"),
            wire.HeaderValue(key="content-type", raw_value=b"text/event-stream"),
        ]
    )
    sent: queue.SimpleQueue[wire.ProcessingRequest | None] = queue.SimpleQueue()
    with grpc.insecure_channel(epp.address) as channel:
        process = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        replies = process(iter(sent.get, None), timeout=60)
        sent.put(
            wire.ProcessingRequest(
                request_headers=wire.HttpHeaders(headers=entries), protocol_config=mode
            )
        )
        sent.put(wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True)))
        first = next(replies)
        next(replies)
        # A reply shows that what was sent has been seen: no time gets shorter on its way.
        time.sleep(0.05)
        sent.put(wire.ProcessingRequest(response_headers=wire.HttpHeaders(headers=answer)))
        next(replies)
        for index, chunk in enumerate(STREAM):
            time.sleep(0.02)
            is_last = index == len(STREAM) - 1
            piece = wire.HttpBody(body=chunk, end_of_stream=is_last)
            sent.put(wire.ProcessingRequest(response_body=piece))
            next(replies)
        sent.put(None)
        assert list(replies) == []
    options = first.request_headers.response.header_mutation.set_headers
    found = {option.header.key: option.header.raw_value.decode() for option in options}
    return found["x-gateway-destination-endpoint"]


def test_requests_go_where_they_are_predicted_to_be_in_time_and_are_learnt_from(
    start: Start, predictor: Predictor
) -> None:
    epp = start("--secure-serving=false", config=CONFIG, a="127.0.0.1:9", b="127.0.0.1:10")

    went = [exchange(epp) for _ in range(3)]

    assert went.count("127.0.0.1:10") >= 2
    assert predictor.has_learnt.wait(60)
    first = next(entry for entry in predictor.entries if entry["actual_ttft_ms"])
    per_token = next(entry for entry in predictor.entries if entry["actual_tpot_ms"])
    assert first["actual_ttft_ms"] >= 70
    assert 3 <= per_token["actual_tpot_ms"] <= 1000
    text = epp.http("/metrics").text
    assert "inference_objective_request_ttft_seconds_count" in text
    assert "inference_objective_request_predicted_ttft_seconds_count" in text


def test_without_its_predictor_requests_go_on(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREDICTION_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRAINING_SERVER_URL", "http://127.0.0.1:9")
    epp = start("--secure-serving=false", config=CONFIG, a="127.0.0.1:9")

    assert [exchange(epp) for _ in range(5)] == ["127.0.0.1:9"] * 5
    said = [line for line in epp.log.read_text().splitlines() if "latency predictor" in line]
    assert sum("scheduled without predictions" in line for line in said) == 1
