"""The EPP as it is deployed: a process, reached with grpcio over h2c and TLS."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp._generated import gaie_health_pb2 as health_wire

Start = Callable[..., Any]
EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor"
BODY = b'{"model": "m", "prompt": "hello", "max_tokens": 1}'


def process_stub(channel: grpc.Channel) -> Any:
    return channel.stream_stream(
        f"/{EXT_PROC}/Process",
        request_serializer=wire.ProcessingRequest.SerializeToString,
        response_deserializer=wire.ProcessingResponse.FromString,
    )


def check(address: str, service: str) -> int:
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_wire.HealthCheckRequest.SerializeToString,
            response_deserializer=health_wire.HealthCheckResponse.FromString,
        )
        status: int = call(health_wire.HealthCheckRequest(service=service)).status
        return status


def request_headers(mode: int, *, is_last: bool = False) -> wire.ProcessingRequest:
    headers = wire.HttpHeaders(
        headers=wire.HeaderMap(
            headers=[
                wire.HeaderValue(key=":method", raw_value=b"POST"),
                wire.HeaderValue(key=":path", raw_value=b"/v1/completions"),
                wire.HeaderValue(key="x-request-id", raw_value=b"r1"),
            ]
        ),
        end_of_stream=is_last,
    )
    return wire.ProcessingRequest(
        request_headers=headers,
        protocol_config=wire.ProtocolConfiguration(request_body_mode=mode),
    )


def request_body(body: bytes = BODY) -> wire.ProcessingRequest:
    return wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True))


BUFFERED = 2
FULL_DUPLEX = 4


def destination(response: wire.CommonResponse) -> str:
    headers = {
        option.header.key: option.header.raw_value.decode()
        for option in response.header_mutation.set_headers
    }
    return headers["x-gateway-destination-endpoint"]


class Gated:
    """Sends the headers, then the body once the gate opens."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        self._left = [request_headers(BUFFERED), request_body()]

    def __iter__(self) -> "Gated":
        return self

    def __next__(self) -> wire.ProcessingRequest:
        if not self._left:
            raise StopIteration
        if len(self._left) == 1:
            self._gate.wait(60)
        return self._left.pop(0)

    def open(self) -> None:
        self._gate.set()


def test_a_buffered_request_is_sent_to_an_endpoint(start: Start) -> None:
    epp = start("--secure-serving=false", a="127.0.0.1:9")
    with grpc.insecure_channel(epp.address) as channel:
        replies = list(
            process_stub(channel)(iter([request_headers(BUFFERED), request_body()]), timeout=60)
        )

    assert [reply.WhichOneof("response") for reply in replies] == [
        "request_headers",
        "request_body",
    ]
    assert destination(replies[1].request_body.response) == "127.0.0.1:9"


def test_a_duplex_request_gets_its_bytes_back(start: Start) -> None:
    epp = start("--secure-serving=false", a="127.0.0.1:9")
    with grpc.insecure_channel(epp.address) as channel:
        replies = list(
            process_stub(channel)(iter([request_headers(FULL_DUPLEX), request_body()]), timeout=60)
        )
    echoed = b"".join(
        reply.request_body.response.body_mutation.streamed_response.body for reply in replies[1:]
    )

    assert destination(replies[0].request_headers.response) == "127.0.0.1:9"
    assert echoed == BODY


@pytest.mark.parametrize(
    ("flags", "kind"),
    [((), "immediate_response"), (("--disable-endpoint-subset-filter",), "request_body")],
)
def test_the_gateways_subset_counts_unless_the_flag_says_otherwise(
    start: Start, flags: tuple[str, ...], kind: str
) -> None:
    epp = start("--secure-serving=false", *flags, a="127.0.0.1:9")
    headers = request_headers(BUFFERED)
    subset = headers.metadata_context.filter_metadata["envoy.lb.subset_hint"]
    subset.update({"x-gateway-destination-endpoint-subset": ["10.9.9.9:1"]})
    with grpc.insecure_channel(epp.address) as channel:
        replies = list(process_stub(channel)(iter([headers, request_body()]), timeout=60))

    assert replies[-1].WhichOneof("response") == kind


def test_tls_is_the_default_and_speaks_h2(start: Start) -> None:
    epp = start(a="127.0.0.1:9")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", epp.grpc_port)) as plain,
        context.wrap_socket(plain) as wrapped,
    ):
        protocol = wrapped.selected_alpn_protocol()
        certificate = ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")
    credentials = grpc.ssl_channel_credentials(certificate.encode())
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(epp.address, credentials, options) as channel:
        (reply,) = process_stub(channel)(
            iter([request_headers(FULL_DUPLEX, is_last=True)]), timeout=10
        )

    assert protocol == "h2"
    assert destination(reply.request_headers.response) == "127.0.0.1:9"


def test_health_is_served_on_its_own_port_and_on_request_on_the_main_one(start: Start) -> None:
    epp = start("--secure-serving=false", "--health-checking")

    assert check(f"127.0.0.1:{epp.health_port}", EXT_PROC) == 1
    assert check(f"127.0.0.1:{epp.health_port}", "inference-extension") == 1
    assert check(epp.address, EXT_PROC) == 1


def test_the_main_port_has_no_health_service_unless_asked_for(start: Start) -> None:
    epp = start("--secure-serving=false")

    with pytest.raises(grpc.RpcError) as caught:
        check(epp.address, EXT_PROC)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_what_was_done_is_counted(start: Start) -> None:
    epp = start("--secure-serving=false")
    with grpc.insecure_channel(epp.address) as channel:
        process = process_stub(channel)
        list(process(iter([request_headers(BUFFERED), request_body()]), timeout=60))
        list(process(iter([request_headers(BUFFERED), request_body(b"nope")]), timeout=60))
    text = epp.http("/metrics").text

    labels = 'model_name="m",priority="0",target_model_name="m"'
    assert f"inference_objective_request_total{{{labels}}} 1\n" in text
    assert (
        'inference_objective_request_error_total{error_code="BadRequest",'
        'model_name="",target_model_name=""} 1\n'
    ) in text
    assert 'inference_objective_running_requests{model_name="m"} 0\n' in text


def test_metrics_stay_closed_when_nobody_can_be_authenticated(start: Start) -> None:
    epp = start("--secure-serving=false", "--metrics-endpoint-auth=true")

    assert epp.http("/metrics").status_code == 401
    assert epp.http("/healthz").status_code == 200


def test_sigterm_lets_an_open_request_end(start: Start) -> None:
    epp = start("--secure-serving=false", "--drain-timeout", "60s")
    with grpc.insecure_channel(epp.address) as channel:
        body_sent = Gated()
        call = process_stub(channel)(body_sent, timeout=60)
        first = next(call)
        epp.process.terminate()
        while epp.http("/readyz").status_code == 200:
            pass
        body_sent.open()
        second = next(call)

    assert first.WhichOneof("response") == "request_headers"
    assert destination(second.request_body.response) == "127.0.0.1:9"
    assert epp.process.wait(60) == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "epp", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_unknown_flag_ends_with_a_suggestion() -> None:
    ended = run("--grpc-prt", "1")

    assert (ended.returncode, ended.stderr) == (
        2,
        "error: unknown flag --grpc-prt; did you mean --grpc-port?\n",
    )


def test_every_problem_of_a_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\n"
        "plugins:\n"
        "- type: queue-scorre\n"
        "- type: max-score-picker\n"
        "  parameters: {maxNumOfEndpoints: two}\n"
    )
    ended = run("--config-file", str(config))

    assert ended.returncode == 1
    assert f"{config}:4:9: plugins[0].type: unknown plugin type 'queue-scorre'" in ended.stderr
    assert "did you mean" in ended.stderr
    assert f"{config}:6:35:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_base_install_says_what_to_add() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys; sys.modules['uvloop'] = None; from epp.__main__ import serve; "
                "sys.exit(serve([]))"
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "pip install 'gaiectl[epp]'" in ended.stderr


def test_a_missing_file_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    ended = run("--config-file", str(tmp_path / "none.yaml"))

    assert ended.returncode == 1
    assert "none.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_no_text_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_bytes(b"\xff\xfe\x00")
    ended = run("--config-file", str(config))

    assert ended.returncode == 1
    assert "c.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_configuration_without_discovery_says_what_to_add() -> None:
    ended = run("--secure-serving=false")

    assert ended.returncode == 1
    for way in ("--pool-name", "--endpoint-selector", "dataLayer.discovery.pluginRef"):
        assert way in ended.stderr
