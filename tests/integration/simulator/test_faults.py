"""Faults are switched at run time, do what their names say, and end."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

CHAT = "/v1/chat/completions"
ASK = {
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 40,
    "ignore_eos": True,
    "stream": True,
}


@pytest.fixture(name="run")
def clean_simulator(shared: object) -> object:
    httpx.delete(f"{shared.url}/admin/faults")
    return shared


@pytest.fixture(name="shared", scope="module")
def simulator_of_this_file(module_simulator: Callable) -> object:
    return module_simulator("--slow-first-byte-delay=400ms")


def begin(run: Any, name: str, **more: object) -> httpx.Response:
    answer = httpx.post(f"{run.url}/admin/faults", json={"name": name, **more})
    assert answer.status_code == 200, answer.text
    return answer


def read_until_the_end(run: Any, **more: object) -> tuple[str, Exception | None]:
    """Return what came of a stream and the error that ended it."""
    text = ""
    try:
        with httpx.stream("POST", run.url + CHAT, json={**ASK, **more}) as answer:
            for part in answer.iter_text():
                text += part
    except httpx.TransportError as error:
        return text, error
    return text, None


def test_the_list_names_what_is_on_and_what_there_is(run: Any) -> None:
    begin(run, "stall", **{"for": 300})
    begin(run, "metrics-500", rate=50, **{"for": None})
    report = httpx.get(f"{run.url}/admin/faults").json()

    stall, metrics = report["active"]
    assert stall["name"] == "stall"
    assert 200 < stall["remainingSeconds"] <= 300
    assert (metrics["remainingSeconds"], metrics["rate"]) == (None, 50)
    assert set(report["known"]) == {
        "reset-before-headers", "reset-mid-stream", "stall", "slow-first-byte", "exit",
        "stale-metrics", "renamed-metric", "metrics-401", "metrics-500", "not-ready-flapping",
    }  # fmt: skip

    httpx.delete(f"{run.url}/admin/faults/stall")
    assert [f["name"] for f in httpx.get(f"{run.url}/admin/faults").json()["active"]] == [
        "metrics-500"
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "stal"}, "did you mean stall?"),
        ({}, "unknown fault"),
        ({"name": "stall", "for": "10s"}, "number or null"),
        ({"name": "stall", "for": -1}, "'for'"),
        ({"name": "stall", "rate": 200}, "'rate'"),
    ],
)
def test_a_mistake_is_400_with_the_reason(run: Any, body: dict, message: str) -> None:
    answer = httpx.post(f"{run.url}/admin/faults", json=body)

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert httpx.get(f"{run.url}/admin/faults").json()["active"] == []


def test_a_reset_before_the_headers_leaves_no_answer(run: Any) -> None:
    begin(run, "reset-before-headers")
    text, error = read_until_the_end(run)

    assert text == ""
    assert isinstance(error, httpx.ReadError)
    assert httpx.get(f"{run.url}/health").status_code == 200
    run.wait_for("vllm:num_requests_running", 0)


@pytest.mark.parametrize("stream", [True, False])
def test_a_reset_in_the_middle_leaves_half_an_answer(run: Any, stream: bool) -> None:
    begin(run, "reset-mid-stream")
    text, error = read_until_the_end(run, stream=stream)

    assert isinstance(error, httpx.ReadError)
    assert text
    if stream:
        assert text.count('"content":"') == pytest.approx(21, abs=1)
        assert "[DONE]" not in text
    run.wait_for("vllm:num_requests_running", 0)


def test_a_stall_holds_an_answer_until_it_is_cleared(run: Any) -> None:
    begin(run, "stall")
    with httpx.stream("POST", run.url + CHAT, json=ASK) as answer:
        parts = answer.iter_text()
        text = next(parts)
        while text.count('"content":"') < 20:
            text += next(parts)
        time.sleep(0.5)
        # Without latencies it would be over.
        assert run.metric("vllm:num_requests_running") == 1
        assert text.count('"content":"') == pytest.approx(21, abs=1)
        httpx.delete(f"{run.url}/admin/faults")
        text += "".join(parts)
    assert text.count('"content":"') >= 40
    assert "[DONE]" in text

    began = time.monotonic()
    begin(run, "stall", **{"for": 0.5})
    text, error = read_until_the_end(run)
    assert error is None
    assert "[DONE]" in text
    assert time.monotonic() - began > 0.49


def test_a_slow_first_byte_comes_late(run: Any) -> None:
    begin(run, "slow-first-byte")
    began = time.monotonic()
    with httpx.stream("POST", run.url + CHAT, json=ASK):
        assert time.monotonic() - began > 0.39


def test_stale_metrics_stay_as_they_were(run: Any) -> None:
    begin(run, "stale-metrics")
    before = httpx.get(f"{run.url}/metrics").text
    httpx.post(run.url + CHAT, json=ASK)
    assert httpx.get(f"{run.url}/metrics").text == before

    httpx.delete(f"{run.url}/admin/faults")
    assert httpx.get(f"{run.url}/metrics").text != before


def test_renamed_metrics_are_missing_under_their_names(run: Any) -> None:
    begin(run, "renamed-metric")
    names = {name.partition("{")[0] for name in run.metrics()}

    assert "vllm:num_requests_waiting" not in names
    assert "vllm:kv_cache_usage_perc" not in names
    assert {"vllm:gpu_cache_usage_perc", "vllm:num_requests_running"} <= names


@pytest.mark.parametrize("status", [401, 500])
def test_metrics_can_be_refused(run: Any, status: int) -> None:
    begin(run, f"metrics-{status}")

    assert httpx.get(f"{run.url}/metrics").status_code == status
    assert httpx.get(f"{run.url}/health").status_code == 200


def test_readiness_flaps(run: Any) -> None:
    begin(run, "not-ready-flapping")
    seen = set()
    deadline = time.monotonic() + 60
    while len(seen) < 2 and time.monotonic() < deadline:
        seen.add(httpx.get(f"{run.url}/health/ready").status_code)
        time.sleep(0.1)

    assert seen == {200, 503}


def test_exit_ends_the_process_after_the_answer(simulator: Callable) -> None:
    run = simulator()
    begin(run, "exit")

    assert run.process.wait(60) == 137


def test_a_fault_can_be_there_from_the_start(simulator: Callable) -> None:
    run = simulator("--fault", "metrics-500", "--fault", "stall")

    assert httpx.get(f"{run.url}/metrics").status_code == 500
