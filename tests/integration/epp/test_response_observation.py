"""What the real Envoy shows of responses, by what the EPP is told to watch."""

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from gaiectl.local import envoy
from gaiectl.rendering.envoy import Address, Bootstrap, Upstream, bootstrap

USAGE = {"prompt_tokens": 7, "completion_tokens": 10, "total_tokens": 17}


class ModelServer(BaseHTTPRequestHandler):
    """Answers completions with token counts, and with an error whoever asks for one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"vllm:num_requests_waiting 0\n")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"model": asked["model"], "usage": USAGE}).encode()
        self._answer(500 if asked["prompt"] == "fail" else 200, body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()


@pytest.fixture(scope="module")
def model_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelServer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway(tmp_path: Path, unused_port: Callable[[], int]) -> Iterator[Callable[[Any], str]]:
    """Start an Envoy for an EPP, from the template of all our gateways; return its address."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(epp: Any) -> str:
        listener = Address("127.0.0.1", unused_port())
        admin = Address("127.0.0.1", unused_port())
        file = tmp_path / "envoy.yaml"
        values = Bootstrap(
            listener=listener,
            admin=admin,
            epp=Address("127.0.0.1", epp.grpc_port),
            upstream=Upstream.ORIGINAL_DST,
        )
        file.write_text(bootstrap(values))
        with (tmp_path / "envoy.log").open("wb") as log:
            process = subprocess.Popen(
                envoy.argv(envoy.find(), file, "observation", 1), stdout=log, stderr=log
            )
        started.append(process)
        transport = httpx.HTTPTransport(retries=100)  # connect errors only: until it listens
        with httpx.Client(transport=transport) as client:
            while not client.get(f"http://{admin}/ready").is_success:
                assert process.poll() is None, (tmp_path / "envoy.log").read_text()
        return f"http://{listener}"

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def watching(
    start: Callable[..., Any], gateway: Callable[[Any], str], model_server: str
) -> Callable[[str], tuple[Any, str]]:
    """Start an EPP that watches so much, and a gateway; return it and the gateway's address."""

    def begin(choice: str) -> tuple[Any, str]:
        flag = f"--response-observation={choice}"
        epp = start("--secure-serving=false", flag, a=model_server)
        return epp, gateway(epp)

    return begin


def completion(gateway: str, prompt: str) -> httpx.Response:
    body = {"model": "m", "prompt": prompt}
    return httpx.post(f"{gateway}/v1/completions", json=body, trust_env=False)


def total(epp: Any, series: str) -> float:
    """The sum of all series of a metric whose line begins so."""
    lines = epp.http("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(series, line))


@pytest.mark.parametrize(
    ("choice", "errors", "tokens"),
    [
        ("off", 0, (0, 0)),
        ("headers", 2, (0, 0)),
        ("sampled:0.5", 2, (10, 410)),
        ("full", 2, (420, 420)),
    ],
)
def test_envoy_shows_of_responses_what_is_to_be_watched(
    watching: Callable[[str], tuple[Any, str]],
    choice: str,
    errors: int,
    tokens: tuple[int, int],
) -> None:
    epp, url = watching(choice)

    answers = [completion(url, "hello") for _ in range(40)]
    failures = [completion(url, "fail") for _ in range(2)]

    assert [answer.json()["usage"] for answer in answers] == [USAGE] * 40
    assert [failure.status_code for failure in failures] == [500, 500]
    while total(epp, "inference_extension_streams_open"):
        pass  # Envoy ends a stream when its exchange is over, a moment after the client's end
    assert total(epp, 'inference_objective_request_error_total{.*"ModelServerError"') == errors
    least, most = tokens
    assert least <= total(epp, "inference_objective_output_tokens_sum") <= most
    assert total(epp, "inference_objective_request_duration_seconds_count") == 42
