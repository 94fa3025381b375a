"""What the real Envoy, with the EPP behind it, does with requests in either body mode."""

import os
import signal
from collections.abc import Iterator
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
        timeout=30,
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

    with httpx.stream("POST", url, json=body, timeout=30, trust_env=False) as answer:
        lines = (line for line in answer.iter_lines() if line)
        first = next(lines)
        os.kill(stack["epp"]["pid"], signal.SIGKILL)
        rest = list(lines)

    assert first.startswith("data: {")
    assert rest[-1] == "data: [DONE]"
    assert len(rest) >= 30


def test_with_no_endpoint_left_the_answer_is_503(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "1")
    assert gaiectl.run("local", "scale", "0").returncode == 0

    answer = httpx.post(
        f"{stack['gateway']['url']}/v1/completions",
        content=padded(200),
        timeout=30,
        trust_env=False,
    )

    assert answer.status_code == 503
