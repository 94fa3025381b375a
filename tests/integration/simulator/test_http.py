"""The rest of the HTTP surface, asked with httpx."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

ASK = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
LONG = "The critic writes about food and the city. " * 20


@pytest.fixture(name="run", scope="module")
def plain_simulator(module_simulator: Callable) -> object:
    return module_simulator(
        "--pod-name", "sim-0", "--pod-namespace", "ns", "--model", "base", "--served-model-name",
        "food", "alias", "--max-model-len", "20000", "--enable-request-id-headers",
        "--lora-modules", '{"name": "tweet", "path": "/loras/tweet"}',
    )  # fmt: skip


def test_each_answer_says_who_gave_it(run: Any) -> None:
    port = run.url.rpartition(":")[2]
    for path, status in (("/health", 200), ("/v1/models", 200), ("/nowhere", 404)):
        answer = httpx.get(run.url + path)

        assert answer.status_code == status
        assert answer.headers["x-inference-pod"] == "sim-0"
        assert answer.headers["x-inference-namespace"] == "ns"
        assert answer.headers["x-inference-port"] == port
        assert "x-request-id" not in answer.headers


def test_a_request_id_comes_back_and_names_the_answer(run: Any) -> None:
    answer = httpx.post(f"{run.url}/v1/chat/completions", json=ASK, headers={"X-Request-Id": "abc"})

    assert answer.headers["x-request-id"] == "abc"
    assert answer.json()["id"] == "chatcmpl-abc"


def test_adapters_are_listed_with_their_parent(run: Any) -> None:
    models = httpx.get(f"{run.url}/v1/models").json()["data"]

    assert [(m["id"], m["root"], m["parent"]) for m in models] == [
        ("food", "base", None),
        ("alias", "base", None),
        ("tweet", "/loras/tweet", "food"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/chat/completions", b"{", 400, "no JSON"),
        ("/v1/chat/completions", b"[]", 400, "must be a JSON object"),
        ("/v1/chat/completions", b'{"messages": 5}', 400, "messages"),
        ("/v1/chat/completions", b'{"messages": [{}], "stream": 1}', 400, "stream"),
        ("/v1/completions", b"{}", 400, "prompt"),
        ("/v1/completions", b'{"prompt": []}', 400, "prompt"),
        ("/v1/completions", b'{"prompt": ["a", ""]}', 400, "prompt"),
        ("/v1/completions", b'{"prompt": [-1]}', 400, "prompt"),
        ("/v1/completions", b'{"prompt": "a", "n": 0}', 400, "n: "),
        ("/v1/completions", b'{"prompt": "a", "model": "zz"}', 404, "`zz` does not exist"),
        ("/v1/messages", b'{"messages": [{"content": "a"}]}', 400, "max_tokens"),
        ("/v1/responses", b'{"input": []}', 400, "input"),
        ("/v1/embeddings", b'{"input": 3.5}', 400, "input"),
        ("/inference/v1/generate", b'{"token_ids": []}', 400, "token_ids"),
        ("/tokenize", b'{"prompt": ""}', 400, "prompt"),
        ("/admin/config", b'{"seed": 3}', 400, "seed"),
        ("/admin/faults", b'{"nam": "stall"}', 400, "did you mean name?"),
        ("/v1/load_lora_adapter", b"{}", 400, "lora_name"),
        ("/v1/unload_lora_adapter", b'{"lora_name": "zz"}', 404, "zz"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    run: Any, path: str, body: bytes, status: int, message: str
) -> None:
    answer = httpx.post(run.url + path, content=body)

    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert error["code"] == status


def test_a_wrong_method_is_405(run: Any) -> None:
    assert httpx.get(f"{run.url}/v1/chat/completions").status_code == 405


def test_messages_speak_the_dialect_of_anthropic(run: Any) -> None:
    ask = {"model": "food", "system": "Be brief.", "max_tokens": 40, **ASK}
    whole = httpx.post(f"{run.url}/v1/messages", json=ask).json()
    assert (whole["type"], whole["role"], whole["content"][0]["type"]) == (
        "message", "assistant", "text",
    )  # fmt: skip
    assert whole["stop_reason"] in {"end_turn", "max_tokens"}
    assert whole["usage"]["output_tokens"] > 0

    text = httpx.post(f"{run.url}/v1/messages", json={**ask, "stream": True}).text
    kinds = [line.removeprefix("event: ") for line in text.splitlines() if "event: " in line]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}


def test_token_ids_go_in_and_come_out(run: Any) -> None:
    ask = {"token_ids": [1, 2, 3], "sampling_params": {"max_tokens": 6, "ignore_eos": True}}
    whole = httpx.post(f"{run.url}/inference/v1/generate", json=ask).json()

    assert len(whole["choices"][0]["token_ids"]) == 6
    assert whole["usage"]["prompt_tokens"] == 3

    text = httpx.post(f"{run.url}/inference/v1/generate", json={**ask, "stream": True}).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert sum(len(event["choices"][0]["token_ids"]) for event in events) == 6


def test_tokenizing_and_rendering_agree_with_the_usage(run: Any) -> None:
    prompt = {"prompt": "one two three", "model": "food"}
    counted = httpx.post(f"{run.url}/tokenize", json=prompt).json()
    [rendered] = httpx.post(f"{run.url}/v1/completions/render", json=prompt).json()
    used = httpx.post(f"{run.url}/v1/completions", json=prompt).json()["usage"]
    assert counted["count"] == len(counted["tokens"]) == used["prompt_tokens"] == 3
    assert counted["tokens"] == rendered["token_ids"]
    assert counted["max_model_len"] == 20000

    chat = httpx.post(f"{run.url}/v1/chat/completions/render", json=ASK).json()
    used = httpx.post(f"{run.url}/v1/chat/completions", json=ASK).json()["usage"]
    assert len(chat["token_ids"]) == used["prompt_tokens"]


def test_the_same_prompt_again_is_cached_but_not_for_an_adapter(run: Any) -> None:
    prompt = "Nobody else asks for this. " * 40  # whichever test comes first

    def cached(model: str) -> int:
        ask = {"model": model, "prompt": prompt, "max_tokens": 3}
        usage = httpx.post(f"{run.url}/v1/completions", json=ask).json()["usage"]
        return usage["prompt_tokens_details"]["cached_tokens"]

    assert cached("food") == 0
    before = run.metric("vllm:prefix_cache_hits_total")
    assert cached("alias") > 100
    assert run.metric("vllm:prefix_cache_hits_total") - before == cached("food")
    assert cached("tweet") == 0


def test_a_prefill_server_says_where_to_fetch_from(run: Any) -> None:
    ask = {"prompt": LONG, "kv_transfer_params": {"do_remote_decode": True}}
    answer = httpx.post(f"{run.url}/v1/completions", json=ask).json()

    assert answer["choices"][0]["finish_reason"] == "remote_decode"
    assert answer["usage"]["completion_tokens"] == 1
    assert answer["kv_transfer_params"]["do_remote_prefill"] is True
    assert answer["kv_transfer_params"]["remote_engine_id"] == "sim-0"
    assert run.url.endswith(f":{answer['kv_transfer_params']['remote_port']}")


def test_a_prompt_that_is_not_cached_enough_is_given_back(run: Any) -> None:
    ask = {"prompt": "never seen before", "cache_hit_threshold": 0.9}
    answer = httpx.post(f"{run.url}/v1/completions", json=ask).json()
    assert answer["choices"][0] == {
        "index": 0,
        "text": "",
        "logprobs": None,
        "finish_reason": "cache_threshold",
        "stop_reason": None,
    }

    forced = httpx.post(
        f"{run.url}/v1/chat/completions",
        json={**ASK, "stream": True},
        headers={"X-Cache-Threshold-Finish-Reason": "true"},
    )
    assert '"finish_reason":"cache_threshold"' in forced.text


def test_a_header_asks_for_an_error(run: Any) -> None:
    url = f"{run.url}/v1/completions"
    for asked, status in (("429", 429), ("503", 503), ("oops", 400), ("200", 400)):
        answer = httpx.post(url, json={"prompt": "a"}, headers={"X-Return-Error": asked})

        assert answer.status_code == status


def test_the_connection_is_kept_and_lengths_are_told(run: Any) -> None:
    with run.client as client:
        for _ in range(3):
            answer = client.get("/metrics")
            assert int(answer.headers["content-length"]) == len(answer.content)
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        pool = client._transport._pool.connections
        assert len(pool) == 1


def test_large_bodies_pass_and_larger_ones_are_413(simulator: Callable) -> None:
    run = simulator("--max-model-len", "3000000", "--max-request-body-size-mb", "2")
    fits = {"prompt": "word " * (1024 * 1024 // 5), "max_tokens": 3}
    assert httpx.post(f"{run.url}/v1/completions", json=fits, timeout=30).status_code == 200

    too_large = json.dumps({"prompt": "x" * (2 * 1024 * 1024)}).encode()
    refused = httpx.post(f"{run.url}/v1/completions", content=too_large)
    assert refused.status_code == 413
    assert "--max-request-body-size-mb" in refused.json()["error"]["message"]

    chunked = httpx.post(f"{run.url}/v1/completions", content=iter([too_large]))
    assert chunked.status_code == 413


def test_the_default_limit_is_thirty_two_mebibytes(simulator: Callable) -> None:
    run = simulator("--max-model-len", "10000000")
    body = json.dumps({"prompt": "x" * (31 * 1024 * 1024), "max_tokens": 1}).encode()

    assert httpx.post(f"{run.url}/v1/completions", content=body, timeout=60).status_code == 200
    refused = httpx.post(f"{run.url}/v1/completions", content=b"x" * (32 * 1024 * 1024 + 1))
    assert refused.status_code == 413


def test_sleep_mode_needs_both_switches(simulator: Callable) -> None:
    awake = simulator("--enable-sleep-mode")
    assert httpx.post(f"{awake.url}/sleep").status_code == 200
    assert httpx.get(f"{awake.url}/is_sleeping").json() == {"is_sleeping": False}

    run = simulator("--enable-sleep-mode", environ={"VLLM_SERVER_DEV_MODE": "1"})
    httpx.post(f"{run.url}/sleep")
    assert httpx.get(f"{run.url}/is_sleeping").json() == {"is_sleeping": True}
    assert httpx.post(f"{run.url}/v1/chat/completions", json=ASK).status_code == 503
    httpx.post(f"{run.url}/wake_up")
    assert httpx.post(f"{run.url}/v1/chat/completions", json=ASK).status_code == 200


def test_the_start_can_take_a_while(simulator: Callable) -> None:
    run = simulator("--startup-duration", "1h")

    assert httpx.get(f"{run.url}/health").status_code == 200
    assert httpx.get(f"{run.url}/health/ready").status_code == 503


def test_ranks_have_ports_and_metrics_of_their_own(simulator: Callable) -> None:
    run = simulator("--data-parallel-size", "2", ranks=2)
    first, second = run.urls
    httpx.post(f"{second}/v1/chat/completions", json=ASK)

    idle, busy = (httpx.get(f"{url}/metrics").text for url in (first, second))
    assert 'vllm:prompt_tokens_total{engine="0",model_name="simulated"} 0.0' in idle
    assert 'vllm:prompt_tokens_total{engine="1",model_name="simulated"} 0.0' not in busy
    assert httpx.get(f"{first}/query").json().keys() == {"0"}


def test_tls_works_with_a_certificate_made_at_start(simulator: Callable) -> None:
    run = simulator("--self-signed-certs")

    assert run.url.startswith("https://127.0.0.1:")
    assert httpx.get(f"{run.url}/health", verify=False).status_code == 200


def test_echo_mode_says_the_last_message_back(simulator: Callable) -> None:
    run = simulator("--mode", "echo")
    answer = httpx.post(
        f"{run.url}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "tell me, please"}]},
    ).json()

    assert answer["choices"][0]["message"]["content"] == "tell me, please"


def test_a_seed_repeats_what_a_simulator_says(simulator: Callable) -> None:
    def said(*flags: str) -> list[str]:
        url = simulator(*flags).url
        return [
            httpx.post(f"{url}/v1/chat/completions", json={**ASK, "max_tokens": 99}).json()[
                "choices"
            ][0]["message"]["content"]
            for _ in range(3)
        ]

    assert said("--seed", "5") == said("--seed", "5")


def test_requests_are_logged_only_if_asked_for(simulator: Callable) -> None:
    quiet, talking = simulator(), simulator("--log-http")
    for run in (quiet, talking):
        httpx.get(f"{run.url}/health")
        run.process.terminate()
        run.end()

    assert quiet.errors == []
    assert "GET /health from 127.0.0.1" in talking.errors[0]


def test_a_taken_port_is_told_without_a_traceback(simulator: Callable) -> None:
    run = simulator()
    with pytest.raises(AssertionError) as caught:
        simulator("--port", run.url.rpartition(":")[2])

    assert "cannot listen on 127.0.0.1" in str(caught.value)
    assert "address already in use" in str(caught.value)
