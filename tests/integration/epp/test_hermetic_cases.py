"""The hermetic cases against a running EPP with endpoints from a file, over a real gRPC client."""

import contextlib
import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from hermetic.dialogue import (
    CASES,
    CONFIGS,
    DESTINATION,
    Case,
    Load,
    effective_headers,
    heard,
    loads,
    said,
    sent_headers,
)

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
NOT_IN_GAIE = re.compile(r',?\b(?:name|priority|fairness_id)="[^"]*"')


class ModelServers:
    """Metrics endpoints of pods, each pod with an address of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._hosts = (f"127.1.{a}.{b}" for a in itertools.count(1) for b in range(1, 255))
        self._servers: list[ThreadingHTTPServer] = []

    def start(self, load: Load) -> str:
        """Return the address of a new pod."""
        text = load.exposition.encode()

        class Metrics(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                # An EPP that ends does not wait for its last scrape.
                with contextlib.suppress(ConnectionError):
                    super().handle()

        host = next(self._hosts)
        server = ThreadingHTTPServer((host, self._port), Metrics)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._servers.append(server)
        return f"{host}:{self._port}"

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def model_servers() -> Iterator[ModelServers]:
    servers = ModelServers()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def epp_for(begin: Callable[..., Any]) -> Callable[[Case], Any]:
    """Return the EPP that runs with a case's configuration and flags."""
    running: dict[tuple[str, ...], Any] = {}

    def find(case: Case) -> Any:
        config, flags = case.get("config", "default"), case.get("flags", ())
        key = (config, *flags)
        if key not in running:
            text = HEAD + CONFIGS[config]
            running[key] = begin("--secure-serving=false", *flags, config=text)
        return running[key]

    return find


def exchange(
    address: str, messages: Sequence[wire.ProcessingRequest]
) -> list[wire.ProcessingResponse]:
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(
            METHOD,
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        return list(call(iter(messages), timeout=10))


def metrics(epp: Any) -> dict[str, float]:
    """The EPP's metrics with the labels of GAIE 1.3 alone; the series of others add up."""
    found: dict[str, float] = {}
    for line in epp.http("/metrics").text.splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            plain = NOT_IN_GAIE.sub("", series).replace("{,", "{").replace("{}", "")
            found[plain] = found.get(plain, 0.0) + float(value)
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_gateway_hears_what_it_must(
    case: Case, epp_for: Callable[[Case], Any], model_servers: ModelServers
) -> None:
    epp = epp_for(case)
    pods = [model_servers.start(load) for load in loads(case)]
    epp.serve(pods)

    before = metrics(epp)

    found = exchange(epp.address, said(case, pods))

    after = metrics(epp)
    assert found == heard(case, pods)
    assert case.get("metrics", {}) == {
        series: after.get(series, 0) - before.get(series, 0) for series in case.get("metrics", {})
    }
    assert case.get("gauges", {}).items() <= after.items()


def test_the_model_server_gets_the_headers_that_the_go_epp_would_send(
    epp_for: Callable[[Case], Any], model_servers: ModelServers
) -> None:
    case = CASES[0]
    pods = [model_servers.start(load) for load in loads(case)]
    epp = epp_for(case)
    epp.serve(pods)

    headers, body = exchange(epp.address, said(case, pods))

    piece = body.request_body.response.body_mutation.streamed_response.body
    assert effective_headers(sent_headers(case), headers) == {
        "hi": "mom",
        "x-request-id": "test-request-id",
        "content-length": str(len(piece)),
        DESTINATION: pods[1],
    }
