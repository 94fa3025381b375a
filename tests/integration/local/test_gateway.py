"""What the real Envoy, with the EPP behind it, does with requests in either body mode."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest

MIB = 1024 * 1024
LIMIT = 32 * MIB


@pytest.fixture(scope="module", params=["buffered", "duplex"])
def stack(request: pytest.FixtureRequest, stack_maker: Any) -> Iterator[dict[str, Any]]:
    yield stack_maker.up(
        *("--name", request.param, "--replicas", "2", "--body-mode", request.param),
        *("--sim-arg", "--max-request-body-size-mb=64", "--sim-arg", "--max-model-len=100000000"),
    )
    stack_maker.run("local", "down", "--name", request.param)


@pytest.fixture
def client(stack: dict[str, Any]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack["gateway"]["url"], timeout=120, trust_env=False) as client:
        yield client


def padded(size: int) -> bytes:
    """A completion request of exactly this many bytes."""
    head, tail = b'{"model":"simulated-model","max_tokens":1,"prompt":"', b'"}'
    return head + b"a" * (size - len(head) - len(tail)) + tail


def test_the_answer_says_who_gave_it(stack: dict[str, Any], client: httpx.Client) -> None:
    answer = client.post("/v1/completions", content=padded(200))

    served = answer.headers["x-gateway-destination-endpoint-served"]
    assert served in {e["url"].removeprefix("http://") for e in stack["endpoints"]}


def test_a_client_cannot_choose_its_endpoint(stack: dict[str, Any], client: httpx.Client) -> None:
    stranger = {"x-gateway-destination-endpoint": stack["epp"]["metricsUrl"].split("/")[2]}

    answer = client.get("/v1/models", headers=stranger)

    assert answer.status_code == 200
    assert answer.json()["data"][0]["id"] == "simulated-model"


@pytest.mark.slow
def test_a_body_of_32_mib_passes(client: httpx.Client) -> None:
    answer = client.post("/v1/completions", content=padded(LIMIT))

    assert answer.status_code == 200, answer.text[:500]


def test_a_larger_body_is_refused_with_a_clear_message(client: httpx.Client) -> None:
    answer = client.post("/v1/completions", content=padded(LIMIT + 1))

    assert answer.status_code == 413
    assert "32 MiB" in answer.json()["error"]["message"]


@pytest.mark.slow
def test_a_larger_body_of_unknown_length_is_refused_too(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        body = padded(LIMIT + MIB)
        for start in range(0, len(body), MIB):
            yield body[start : start + MIB]

    try:
        answer = client.post("/v1/completions", content=pieces())
    except httpx.WriteError:
        pytest.skip("the refusal came before the client had finished writing")

    assert answer.status_code == 413
    assert "32 MiB" in answer.text


def test_a_request_without_json_is_refused_by_the_epp(client: httpx.Client) -> None:
    answer = client.post("/v1/completions", content=b"{not json")

    assert answer.status_code == 400
    assert answer.text.startswith("inference ")


def test_a_stream_arrives_in_pieces_with_its_usage(client: httpx.Client) -> None:
    body = {
        "model": "simulated-model",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 8,
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines = [line for line in answer.iter_lines() if line]

    assert answer.status_code == 200
    assert lines[-1] == "data: [DONE]"
    assert any('"usage":{' in line.replace(" ", "") for line in lines)


@pytest.mark.parametrize(("policy", "expected"), [("--fail-closed", 503), ("--fail-open", 200)])
def test_without_the_epp_the_gateway_does_as_it_was_told(
    gaiectl: Any, policy: str, expected: int
) -> None:
    stack = gaiectl.up("--replicas", "1", policy)
    os.kill(stack["epp"]["pid"], signal.SIGKILL)

    answer = httpx.post(
        f"{stack['gateway']['url']}/v1/completions",
        content=padded(200),
        timeout=60,
        trust_env=False,
    )

    assert answer.status_code == expected
    if expected == 503:
        assert "the endpoint picker has not placed" in answer.json()["error"]["message"]


def test_a_stream_that_has_begun_outlives_the_epp(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1", "--sim-arg=--inter-token-latency=50ms")
    body = {
        "model": "simulated-model",
        "prompt": "Hello",
        "max_tokens": 30,
        "ignore_eos": True,
        "stream": True,
    }
    url = f"{stack['gateway']['url']}/v1/completions"

    with httpx.stream("POST", url, json=body, timeout=60, trust_env=False) as answer:
        lines = (line for line in answer.iter_lines() if line)
        first = next(lines)
        os.kill(stack["epp"]["pid"], signal.SIGKILL)
        rest = list(lines)

    assert first.startswith("data: {")
    assert rest[-1] == "data: [DONE]"
    assert len(rest) >= 30


MODELS = "GET /v1/models HTTP/1.1\r\n"
REFUSED = {
    f"{MODELS}\r\n": 400,
    f"{MODELS}host: a\r\nconnection: upgrade\r\nupgrade: h3\r\n\r\n": 403,
    "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n": 404,
}
UNREADABLE = {
    "GET /v1/models HTTP/1.0\r\nhost: a\r\n\r\n": 426,
    f"{MODELS}host: a\r\nx: {'a' * 70_000}\r\n\r\n": 431,
    "GET /v1 models HTTP/1.1\r\nhost: a\r\n\r\n": 400,
}


def refusal(stack: dict[str, Any], request_text: str) -> tuple[int, dict[str, Any]]:
    """Send a request as it stands; return the status and the error of the answer."""
    host, _, port = stack["gateway"]["url"].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request_text.encode())
        with HTTPResponse(connection) as answer:
            answer.begin()
            return answer.status, json.loads(answer.read())["error"]


@pytest.mark.parametrize("request_text", REFUSED, ids=lambda text: text[:60])
def test_what_envoy_refuses_it_refuses_in_the_shape_of_the_api(
    stack: dict[str, Any], request_text: str
) -> None:
    status, error = refusal(stack, request_text)

    assert status == REFUSED[request_text]
    assert (error["code"], error["type"]) == (status, "bad_request")
    assert error["message"].startswith("the gateway does not take this request: ")


# Where the EPP sees responses, Envoy closes the connection before the EPP has passed this one.
@pytest.mark.parametrize("stack", ["buffered"], indirect=True)
@pytest.mark.parametrize("request_text", UNREADABLE, ids=lambda text: text[:60])
def test_what_envoy_cannot_read_it_refuses_in_the_shape_of_the_api(
    stack: dict[str, Any], request_text: str
) -> None:
    status, error = refusal(stack, request_text)

    assert status == UNREADABLE[request_text]
    assert (error["code"], error["type"]) == (status, "bad_request")


@pytest.mark.parametrize("body_mode", ["buffered", "duplex"])
def test_dead_and_failing_model_servers_are_named_as_the_cause(
    gaiectl: Any, body_mode: str
) -> None:
    stack = gaiectl.up("--replicas", "1", "--body-mode", body_mode)
    url = f"{stack['gateway']['url']}/v1/completions"
    server = stack["endpoints"][0]["url"].removeprefix("http://")

    def error() -> dict[str, Any]:
        answer = httpx.post(url, content=padded(200), timeout=60, trust_env=False)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/json"
        found: dict[str, Any] = answer.json()["error"]
        return found

    assert gaiectl.run("local", "fault", "sim-0", "reset-before-headers").returncode == 0
    broken = error()
    assert gaiectl.run("local", "kill", "sim-0").returncode == 0
    dead = error()

    assert (broken["type"], dead["type"]) == ("model_server_reset", "model_server_unreachable")
    assert f"the model server {server} broke the connection off" in broken["message"]
    assert f"look whether the model servers run (the last one tried: {server})" in dead["message"]


def test_with_no_endpoint_left_the_answer_is_503(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1")
    assert gaiectl.run("local", "scale", "0").returncode == 0

    answer = httpx.post(
        f"{stack['gateway']['url']}/v1/completions",
        content=padded(200),
        timeout=60,
        trust_env=False,
    )

    assert answer.status_code == 503
