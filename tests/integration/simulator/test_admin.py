"""Settings that change at run time."""

import time
from collections.abc import Callable
from typing import Any

import httpx

ASK = {"prompt": "hello", "max_tokens": 1}


def change(run: Any, **fields: object) -> httpx.Response:
    body = {name.replace("_", "-"): value for name, value in fields.items()}
    return httpx.post(f"{run.url}/admin/config", json=body)


def test_latencies_and_failures_change_for_the_next_request(simulator: Callable) -> None:
    run = simulator()
    answer = change(run, time_to_first_token="300ms", failure_types=["rate_limit"]).json()
    assert (answer["time-to-first-token"], answer["failure-types"]) == ("300ms", ["rate_limit"])

    began = time.monotonic()
    httpx.post(f"{run.url}/v1/completions", json=ASK)
    assert time.monotonic() - began > 0.29

    change(run, failure_injection_rate=100)
    assert httpx.post(f"{run.url}/v1/completions", json=ASK).status_code == 429
    assert httpx.get(f"{run.url}/admin/config").json()["failure-injection-rate"] == 100


def test_a_change_is_made_as_a_whole_or_not_at_all(simulator: Callable) -> None:
    run = simulator()
    for fields in (
        {"time_to_first_token": "1s", "inter_token_latencies": "1s"},
        {"time_to_first_token": "1s", "inter_token_latency": "fast"},
        {"time_to_first_token": "1s", "time_to_first_token_std_dev": "1s"},
        {"time_to_first_token": "1s", "max_num_seqs": 3},
        {"time_to_first_token": "1s", "fake_metrics": {"waiting": 1}},
    ):
        refused = change(run, **fields)
        assert refused.status_code == 400, fields

    assert httpx.get(f"{run.url}/admin/config").json()["time-to-first-token"] == "0s"


def test_told_metrics_replace_the_real_ones_and_are_untouched_by_traffic(
    simulator: Callable,
) -> None:
    run = simulator("--fake-metrics", '{"waiting-requests": 9, "kv-cache-usage": 0.25}')
    httpx.post(f"{run.url}/v1/completions", json=ASK)
    assert run.metric("vllm:num_requests_waiting") == 9
    assert run.metric("vllm:kv_cache_usage_perc") == 0.25
    assert run.metric("vllm:prompt_tokens_total") == 0

    change(run, fake_metrics={"waiting-requests": 4, "loras": [{"running": "a", "timestamp": 5}]})
    assert run.metric("vllm:num_requests_waiting") == 4
    assert run.metric("vllm:kv_cache_usage_perc") == 0.25
    assert run.metric("vllm:lora_requests_info") == 5

    httpx.post(f"{run.url}/fake_metrics", json={"waiting-requests": 2})
    assert run.metric("vllm:num_requests_waiting") == 2

    httpx.delete(f"{run.url}/fake_metrics")
    httpx.post(f"{run.url}/v1/completions", json=ASK)
    assert run.metric("vllm:num_requests_waiting") == 0
    assert run.metric("vllm:prompt_tokens_total") == 1


def test_a_curve_moves_with_time(simulator: Callable) -> None:
    run = simulator("--fake-metrics", '{"waiting-requests": "ramp:0:100:300ms"}')

    run.wait_for("vllm:num_requests_waiting", 100)
