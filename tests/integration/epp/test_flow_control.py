"""Admission and flow control as they are deployed: a process, fake model servers, a gRPC client.

Objectives come from Kubernetes, which is not here: the process is told of two by its launcher.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from epp._generated import gaie_extproc_pb2 as wire
from machine.processes import free_port

LAUNCHER = """
import sys
from epp.server import runner

class WithObjectives(runner.Epp):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._intents.set_priorities({"batch": -1, "urgent": 9})

runner.Epp = WithObjectives
from epp.__main__ import serve
sys.exit(serve(sys.argv[1:]))
"""
CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: file-discovery
  parameters: {{path: {path}}}
dataLayer:
  discovery: {{pluginRef: file-discovery}}
"""
QUEUED = "featureGates: [flowControl]\n"
BUFFERED = 2
BODY = b'{"model": "m", "prompt": "hello"}'


class ModelServer:
    """Exports a queue length that the test sets."""

    def __init__(self) -> None:
        self.waiting = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                text = (
                    f"vllm:num_requests_waiting {owner.waiting}\n"
                    "vllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0.1\n"
                ).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Running:
    """An EPP with one fake model server behind it."""

    model: ModelServer
    process: subprocess.Popen[str]
    port: int
    metrics_port: int
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the sum over the series with these labels; None if there are none."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        values = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def until(self, value: float, name: str, **labels: str) -> None:
        """Wait until a metric has a value."""
        deadline = time.monotonic() + 60
        while self.metric(name, **labels) != value:
            assert time.monotonic() < deadline, (name, labels, self.metric(name, **labels))

    def see_queue(self, length: int) -> None:
        """Let the model server report a queue, and wait until the EPP knows."""
        self.model.waiting = length
        self.until(length, "inference_pool_average_queue_size")

    def ask(self, **headers: str) -> "Asked":
        return Asked(self.channel, headers)


class Asked:
    """A request on its way."""

    def __init__(self, channel: grpc.Channel, headers: dict[str, str]) -> None:
        self._over = threading.Event()
        process = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        self.call: Any = process(self._messages(headers), timeout=60)
        next(self.call)

    def _messages(self, headers: dict[str, str]) -> Iterator[wire.ProcessingRequest]:
        fields = {":method": "POST", ":path": "/v1/completions", "x-request-id": "r", **headers}
        yield wire.ProcessingRequest(
            request_headers=wire.HttpHeaders(
                headers=wire.HeaderMap(
                    headers=[
                        wire.HeaderValue(key=key.replace("_", "-"), raw_value=value.encode())
                        for key, value in fields.items()
                    ]
                )
            ),
            protocol_config=wire.ProtocolConfiguration(request_body_mode=BUFFERED),
        )
        yield wire.ProcessingRequest(request_body=wire.HttpBody(body=BODY, end_of_stream=True))
        self._over.wait(60)

    def answer(self) -> tuple[int, str]:
        """Return 0 for a request that was sent on, else the status and body of its refusal."""
        reply = next(self.call)
        if reply.WhichOneof("response") == "immediate_response":
            refused = reply.immediate_response
            return refused.status.code, refused.body.decode()
        return 0, ""

    def end(self) -> None:
        """Let the exchange end."""
        self._over.set()
        list(self.call)

    def disconnect(self) -> None:
        """Leave without waiting for the answer."""
        self.call.cancel()
        self._over.set()


Start = Callable[..., Running]
OBJECTIVE = "x_gateway_inference_objective"
FAIRNESS = "x_gateway_inference_fairness_id"
QUEUE_SIZE = "inference_extension_flow_control_queue_size"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Start]:
    """Start EPPs with a configuration of their own; all are gone after the test."""
    with contextlib.ExitStack() as stack:

        def begin(extra: str = "", environment: dict[str, str] | None = None) -> Running:
            model = ModelServer()
            stack.callback(model.close)
            endpoints, config = tmp_path / "endpoints.yaml", tmp_path / "config.yaml"
            endpoints.write_text(
                f'endpoints: [{{name: a, address: 127.0.0.1, port: "{model.port}"}}]\n'
            )
            config.write_text(CONFIG.format(path=endpoints) + extra)
            ports = [free_port() for _ in range(3)]
            names = ("--grpc-port", "--grpc-health-port", "--metrics-port")
            log = stack.enter_context((tmp_path / "epp.log").open("w"))
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c", LAUNCHER, "--config-file", config),
                    *(part for pair in zip(names, map(str, ports), strict=True) for part in pair),
                    *("--bind-address", "127.0.0.1", "--metrics-endpoint-auth=false"),
                    *("--secure-serving=false", "--drain-timeout", "1s"),
                    # What the model server said last counts, however busy the machine is.
                    *("--metrics-staleness-threshold", "60s"),
                ],
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": "error", **(environment or {})},
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            transport = httpx.HTTPTransport(retries=100)
            with httpx.Client(transport=transport) as client:
                while client.get(f"http://127.0.0.1:{ports[2]}/readyz").status_code != 200:
                    assert process.poll() is None, (tmp_path / "epp.log").read_text()
            running = Running(model, process, ports[0], ports[2])
            stack.callback(running.channel.close)
            running.see_queue(0)
            return running

        yield begin


def test_a_full_pool_turns_sheddable_requests_away_and_no_others(run: Start) -> None:
    epp = run()
    epp.see_queue(50)

    shed = epp.ask(**{OBJECTIVE: "batch"}).answer()
    plain = epp.ask().answer()
    epp.see_queue(0)

    assert shed == (
        429,
        (
            "inference gateway: InferencePoolResourceExhausted - "
            "system saturated, sheddable request dropped"
        ),
    )
    assert plain == (0, "")
    assert epp.ask(**{OBJECTIVE: "batch"}).answer() == (0, "")


def test_requests_of_every_priority_wait_until_the_model_server_has_room(run: Start) -> None:
    epp = run(QUEUED)
    epp.see_queue(50)
    batch = epp.ask(**{OBJECTIVE: "batch", FAIRNESS: "nightly"})
    epp.until(1, QUEUE_SIZE, fairness_id="nightly")
    urgent = epp.ask(**{OBJECTIVE: "urgent"})
    epp.until(1, QUEUE_SIZE, priority="9")
    epp.see_queue(0)

    assert urgent.answer() == (0, "")
    assert batch.answer() == (0, "")
    for priority in ("9", "-1"):
        labels = {"outcome": "Dispatched", "priority": priority}
        assert epp.metric("llm_d_epp_flow_control_requests_total", **labels) == 1
    assert epp.metric(QUEUE_SIZE) == 0


def test_a_request_that_waits_too_long_gets_503_and_one_without_room_to_wait_429(
    run: Start,
) -> None:
    epp = run(QUEUED + "flowControl: {defaultRequestTTL: 3s, maxRequests: 1}\n")
    epp.see_queue(50)
    # At once, so that the first to wait does so still when the other comes, whichever it is.
    asked = epp.ask(), epp.ask()

    assert sorted(one.answer() for one in asked) == [
        (
            429,
            (
                "inference gateway: InferencePoolResourceExhausted - "
                "request rejected pre-queue: queue at capacity"
            ),
        ),
        (
            503,
            (
                "inference gateway: ServiceUnavailable - request timed out in queue: "
                "request evicted from queue: request TTL expired"
            ),
        ),
    ]
    assert epp.metric(QUEUE_SIZE) == 0


def test_a_client_that_leaves_frees_its_place_and_who_waits_at_the_end_is_told(
    run: Start,
) -> None:
    epp = run("", {"ENABLE_EXPERIMENTAL_FLOW_CONTROL_LAYER": "true"})
    epp.see_queue(50)
    asked = epp.ask()
    epp.until(1, QUEUE_SIZE)
    asked.disconnect()
    epp.until(0, QUEUE_SIZE)

    name = "inference_extension_flow_control_request_queue_duration_seconds_count"
    assert epp.metric(name, outcome="EvictedContextCancelled") == 1
    asked = epp.ask()
    epp.until(1, QUEUE_SIZE)
    epp.process.terminate()

    assert asked.answer() == (
        500,
        "inference gateway: Internal - internal flow control error: flow controller is not running",
    )


def test_a_sheddable_request_is_ended_for_an_important_one_that_waits(run: Start) -> None:
    epp = run(QUEUED + "flowControl: {enableEviction: true}\n")
    batch = epp.ask(**{OBJECTIVE: "batch"})
    assert batch.answer() == (0, "")
    epp.see_queue(50)
    urgent = epp.ask(**{OBJECTIVE: "urgent"})

    assert batch.answer() == (
        429,
        "inference gateway: InferencePoolResourceExhausted - request evicted by flow control",
    )
    epp.until(1, "llm_d_epp_flow_control_revocations_total", outcome="confirmed")
    assert epp.metric("llm_d_epp_flow_control_revocations_issued_total", priority="9") == 1
    epp.see_queue(0)
    assert urgent.answer() == (0, "")
