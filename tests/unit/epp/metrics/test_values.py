"""What happened is what is shown, and what clients invent cannot fill the memory."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.errors import Code, no_target
from epp.api.request import Request, Usage
from epp.flowcontrol.outcomes import Outcome, refusal
from epp.metrics.causes import cause_of
from epp.metrics.exposition import expose
from epp.metrics.recorder import EppMetrics
from epp.metrics.requests import RequestSeries

SERVER = Endpoint("a", "default", "10.0.0.1", 8000)


def candidate(name: str = "a", *, is_fresh: bool = True, **values: float) -> Candidate:
    endpoint = Endpoint(name, "default", "10.0.0.1", 8000)
    metrics = Metrics(updated_at=time.monotonic())._replace(**values)
    return Candidate(endpoint, metrics, is_fresh)


def ask(
    model: str, target: str = "", size: int = 0, fairness_id: str = "flow", priority: int = 0
) -> Request:
    return Request(
        "id",
        {},
        model,
        target_model=target or model,
        size=size,
        fairness_id=fairness_id,
        priority=priority,
    )


def start(metrics: EppMetrics, request: Request) -> RequestSeries:
    return metrics.exchange_started(request, SERVER, 0.001)


def lines(metrics: EppMetrics) -> list[str]:
    return asyncio.run(expose(metrics)).decode().splitlines()


def families(metrics: EppMetrics) -> Iterator[Metric]:
    return text_string_to_metric_families(asyncio.run(expose(metrics)).decode())


def value(metrics: EppMetrics, name: str, /, **labels: str) -> float | None:
    return next(
        (
            sample.value
            for family in families(metrics)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ),
        None,
    )


def test_values_say_what_happened() -> None:
    metrics = EppMetrics()
    series = start(metrics, ask("llama", "llama-2", 100))
    series.completed(0.5, 10, Usage(7, 5, 12, 3), 0.1, is_streaming=True)
    model = {"model_name": "llama", "target_model_name": "llama-2"}
    flow = {**model, "fairness_id": "flow", "priority": "0"}

    assert value(metrics, "inference_objective_request_total", **model, priority="0") == 1
    assert value(metrics, "llm_d_epp_request_total", **flow) == 1
    assert value(metrics, "inference_objective_request_sizes_sum", **model) == 100
    assert value(metrics, "inference_objective_request_sizes_bucket", le="64") == 0
    assert value(metrics, "inference_objective_request_sizes_bucket", le="128") == 1
    assert value(metrics, "inference_objective_request_duration_seconds_sum", **model) == 0.5
    assert value(metrics, "inference_objective_input_tokens_sum", **model) == 7
    assert value(metrics, "inference_objective_output_tokens_sum", **model) == 5
    assert value(metrics, "inference_objective_prompt_cached_tokens_sum", **model) == 3
    assert value(
        metrics, "inference_objective_normalized_time_per_output_token_seconds_sum", **model
    ) == pytest.approx(0.1)
    assert value(metrics, "llm_d_epp_request_ttft_seconds_sum", **flow, streaming="true") == 0.1
    assert value(metrics, "llm_d_epp_request_streaming_tpot_seconds_sum", **flow) == 0.1


def test_gaie_counts_by_model_what_llm_d_counts_by_flow() -> None:
    metrics = EppMetrics()
    for fairness_id, priority in (("a", 0), ("b", 0), ("b", 7)):
        start(metrics, ask("llama", "", 10, fairness_id, priority)).completed(1.0)

    assert value(metrics, "inference_objective_request_total", priority="0") == 2
    assert value(metrics, "inference_objective_request_total", priority="7") == 1
    assert value(metrics, "inference_objective_request_sizes_sum") == 30
    assert value(metrics, "inference_objective_request_duration_seconds_bucket", le="1") == 3
    assert value(metrics, "llm_d_epp_request_size_bytes_sum", fairness_id="b", priority="7") == 10


def test_what_was_not_seen_is_not_recorded() -> None:
    metrics = EppMetrics()
    metrics.of(ask("a")).completed(1.0)
    metrics.of(ask("b")).completed(1.0, usage=Usage())
    metrics.request_failed(ask("a"), "")
    metrics.prefix_matched(0, 0)

    assert value(metrics, "inference_objective_request_total") is None
    assert value(metrics, "inference_objective_response_sizes_count") is None
    assert value(metrics, "inference_objective_input_tokens_count") is None
    assert value(metrics, "inference_objective_prompt_cached_tokens_count", model_name="b") == 1
    assert value(metrics, "inference_objective_request_error_total") is None
    assert value(metrics, "inference_objective_running_requests") is None
    assert value(metrics, "llm_d_epp_request_ttft_seconds_count") is None
    assert value(metrics, "inference_extension_prefix_indexer_hit_ratio_count") == 0
    assert value(metrics, "inference_extension_prefix_indexer_hit_bytes_count") == 1


def test_figures_of_a_sample_of_the_responses_say_so() -> None:
    metrics = EppMetrics()
    metrics.response_note = "Of 5 % of the responses."
    helps = {line.split()[2]: line for line in lines(metrics) if line.startswith("# HELP")}

    assert helps["inference_objective_output_tokens"].endswith(" Of 5 % of the responses.")
    assert helps["llm_d_epp_request_ttft_seconds"].endswith(" Of 5 % of the responses.")
    assert "%" not in helps["inference_objective_request_sizes"]


def test_an_exchange_is_counted_while_it_runs_and_when_it_ends() -> None:
    metrics = EppMetrics()
    first = start(metrics, ask("llama", "a", 100))
    second = start(metrics, ask("llama", "b", 50))
    start(metrics, ask(""))
    running = "inference_objective_running_requests"

    assert value(metrics, running, model_name="llama") == 2
    assert value(metrics, "llm_d_epp_request_running", target_model_name="a") == 1
    assert value(metrics, "inference_objective_request_total", target_model_name="a") == 1
    assert value(metrics, "inference_objective_request_sizes_sum", target_model_name="b") == 50

    first.ended()
    first.completed(0.3, 10, Usage(7, 5, 12, 3))

    assert value(metrics, running, model_name="llama") == 1
    assert value(metrics, "inference_objective_input_tokens_sum", target_model_name="a") == 7

    second.ended()

    assert value(metrics, running, model_name="llama") == 0
    assert value(metrics, running, model_name="") is None


def test_models_a_client_invents_share_one_series_after_the_thousandth() -> None:
    metrics = EppMetrics()
    for number in range(1500):
        metrics.request_failed(ask(f"m{number}"), "NotFound")
        start(metrics, ask(f"m{number}", size=1)).ended()
    text = lines(metrics)
    errors = [line for line in text if line.startswith("inference_objective_request_error_total{")]
    running = [line for line in text if line.startswith("inference_objective_running_requests{")]

    assert len(errors) == len(running) == 1001
    assert errors[-1].endswith('model_name="other",target_model_name="other"} 500')
    assert all(line.endswith(" 0") for line in running)


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        (Code.RESOURCE_EXHAUSTED, no_target("all filtered").message, "unschedulable"),
        (Code.RESOURCE_EXHAUSTED, "system saturated, sheddable request dropped", "saturated"),
        (Code.INTERNAL, "request cannot be admitted: no coin", "not-admitted"),
        (Code.INTERNAL, "internal error", "bug"),
        (Code.BAD_REQUEST, "model not found in request body", "bad-request"),
    ],
)
def test_causes_are_told_apart_where_upstreams_codes_are_the_same(
    code: Code, message: str, cause: str
) -> None:
    metrics = EppMetrics()
    metrics.request_failed(ask("m"), code.text, message)
    metrics.request_failed(ask("m"), code.text, "something else")
    failures = "inference_extension_request_failures_total"

    assert value(metrics, failures, error_code=code.text, cause=cause) in (1, 2)
    assert value(metrics, "inference_objective_request_error_total", error_code=code.text) == 2


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.DISPATCHED])
def test_what_flow_control_refuses_has_a_cause(outcome: Outcome) -> None:
    dropped = refusal(outcome)

    assert cause_of(dropped.code.text, dropped.message) not in ("bad-request", "bug")


def test_fairness_ids_a_client_invents_hide_no_model() -> None:
    metrics = EppMetrics()
    for number in range(1500):
        start(metrics, ask("llama", fairness_id=f"team-{number}"))
    start(metrics, ask("poet", fairness_id="team"))

    assert value(metrics, "inference_objective_running_requests", model_name="llama") == 1500
    assert value(metrics, "inference_objective_running_requests", model_name="poet") == 1
    assert value(metrics, "llm_d_epp_request_running", fairness_id="other") == 500
    assert len([line for line in lines(metrics) if "llm_d_epp_request_running{" in line]) == 1002


def test_what_was_sent_to_an_endpoint_is_shown_until_it_is_gone() -> None:
    metrics = EppMetrics()
    start(metrics, ask("llama"))
    attempts = "inference_extension_scheduler_attempts_total"

    assert value(metrics, attempts, status="success", pod_name="a", port="8000") == 1
    assert value(metrics, "llm_d_epp_scheduler_attempts_total", endpoint_name="a") == 1
    assert value(metrics, attempts, status="failure") == 0

    metrics.endpoint_gone(SERVER)

    assert value(metrics, attempts, status="success") is None


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ä", "a} 1", "\ud800", "\r\u2028"])
def test_a_label_value_survives_whatever_it_holds(name: str) -> None:
    metrics = EppMetrics()
    start(metrics, ask(name, "t"))
    shown = name.encode("utf-8", "replace").decode()

    assert value(metrics, "inference_objective_request_total", model_name=shown) == 1


@pytest.mark.covers("flag:refresh-prometheus-metrics-interval")
def test_pool_gauges_are_means_over_fresh_endpoints_and_keep_their_last_value() -> None:
    metrics = EppMetrics()
    now = [
        candidate("a", kv_usage=0.5, waiting=3),
        candidate("b", kv_usage=0.1, waiting=0),
        candidate("c", is_fresh=False, waiting=50),
    ]
    metrics.follow_pool("pool", lambda: now)

    assert value(metrics, "inference_pool_ready_pods", name="pool") == 2
    assert value(metrics, "llm_d_epp_ready_endpoints", name="pool") == 2
    assert value(metrics, "inference_pool_average_queue_size", name="pool") == 1.5
    assert value(metrics, "llm_d_epp_std_dev_queue_size", name="pool") == 1.5
    assert value(metrics, "inference_pool_average_kv_cache_utilization") == pytest.approx(0.3)
    assert value(metrics, "inference_pool_per_pod_queue_size", model_server_pod="c") == 50

    now = [candidate("c", is_fresh=False)]

    assert value(metrics, "inference_pool_ready_pods", name="pool") == 0
    assert value(metrics, "inference_pool_average_queue_size", name="pool") == 1.5
    assert value(metrics, "llm_d_epp_std_dev_queue_size", name="pool") == 1.5


def test_a_pool_that_was_never_synced_has_no_gauges() -> None:
    metrics = EppMetrics()
    metrics.follow_pool("pool", lambda: None)

    assert value(metrics, "inference_pool_ready_pods") is None
    assert value(metrics, "inference_pool_average_queue_size") is None


def test_equal_names_in_two_namespaces_do_not_make_equal_series() -> None:
    metrics = EppMetrics()
    twin = Candidate(Endpoint("a", "other", "10.0.0.2", 1))
    metrics.follow_pool("pool", lambda: [candidate("a", waiting=1), twin, candidate("b")])

    assert value(metrics, "inference_pool_per_pod_queue_size", model_server_pod="default/a") == 1
    assert value(metrics, "inference_pool_per_pod_queue_size", model_server_pod="other/a") == 0
    assert value(metrics, "inference_pool_per_pod_queue_size", model_server_pod="b") == 0


async def test_others_run_while_a_long_text_is_made() -> None:
    metrics = EppMetrics()
    pool = [candidate(f"pod-{number}") for number in range(2000)]
    metrics.follow_pool("pool", lambda: pool)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await expose(metrics)
    task.cancel()

    assert turns > 20
