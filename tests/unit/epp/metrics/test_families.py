"""The exposed families are those that dashboards and alerts for GAIE's EPP know."""

import re
import time
from collections.abc import Iterator

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.request import Usage
from epp.metrics.exposition import expose
from epp.metrics.recorder import EppMetrics

M = {"model_name", "target_model_name"}
GENERAL = (
    "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120 180 240 300 "
    "360 480 600 900 1200 1800 2700 3600"
)
SIZES = (
    "64 128 256 512 1024 2048 4096 8192 16384 32768 65536 131072 262144 524288 1.048576e+06 "
    "2.097152e+06 4.194304e+06 8.388608e+06 1.6777216e+07 3.3554432e+07 6.7108864e+07 "
    "1.34217728e+08 2.68435456e+08 5.36870912e+08 1.073741824e+09"
)
RESPONSES = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32778 65536"
INPUTS = f"{RESPONSES} 131072 262144 524288 1.048576e+06"
OUTPUTS = "1 8 16 32 64 128 256 512 1024 2048 4096 8192"
PER_TOKEN = "0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10"
FAST = "0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1"
RATIO = "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"
HIT_BYTES = "0 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536"
POD = {"name", "model_server_pod"}

FAMILIES = [
    ("inference_objective_request_total", "counter", M, ""),
    ("inference_objective_request_error_total", "counter", M | {"error_code"}, ""),
    ("inference_objective_request_duration_seconds", "histogram", M, GENERAL),
    ("inference_objective_request_sizes", "histogram", M, SIZES),
    ("inference_objective_response_sizes", "histogram", M, RESPONSES),
    ("inference_objective_input_tokens", "histogram", M, INPUTS),
    ("inference_objective_prompt_cached_tokens", "histogram", M, INPUTS),
    ("inference_objective_output_tokens", "histogram", M, OUTPUTS),
    ("inference_objective_running_requests", "gauge", {"model_name"}, ""),
    (
        "inference_objective_normalized_time_per_output_token_seconds",
        "histogram",
        M,
        PER_TOKEN,
    ),
    ("inference_pool_average_kv_cache_utilization", "gauge", {"name"}, ""),
    ("inference_pool_average_queue_size", "gauge", {"name"}, ""),
    ("inference_pool_average_running_requests", "gauge", {"name"}, ""),
    ("inference_pool_ready_pods", "gauge", {"name"}, ""),
    ("inference_pool_per_pod_queue_size", "gauge", POD, ""),
    ("inference_extension_scheduler_e2e_duration_seconds", "histogram", set(), FAST),
    ("inference_extension_scheduler_attempts_total", "counter", {"status"}, ""),
    (
        "inference_extension_plugin_duration_seconds",
        "histogram",
        {"extension_point", "plugin_type", "plugin_name"},
        FAST,
    ),
    ("inference_extension_prefix_indexer_size", "gauge", set(), ""),
    ("inference_extension_prefix_indexer_hit_ratio", "histogram", set(), RATIO),
    ("inference_extension_prefix_indexer_hit_bytes", "histogram", set(), HIT_BYTES),
    ("inference_extension_info", "gauge", {"commit", "build_ref"}, ""),
]

OWN = {
    "inference_extension_streams_open": set(),
    "inference_extension_scrapes_total": set(),
    "inference_extension_scrape_errors_total": {"kind"},
    "inference_extension_discovery_reload_errors_total": set(),
    "inference_extension_discovery_last_reload_success": set(),
    "inference_extension_discovery_last_success_timestamp_seconds": set(),
    "inference_extension_discovery_unresolved_names": set(),
    "inference_extension_endpoint_inflight_requests": POD,
    "inference_extension_endpoint_reachable": POD,
    "inference_extension_endpoint_metrics_age_seconds": POD,
    "inference_extension_model_server_metric_missing": POD | {"metric"},
}


def candidate(name: str = "a", *, is_fresh: bool = True, **values: float) -> Candidate:
    endpoint = Endpoint(name, "default", "10.0.0.1", 8000)
    metrics = Metrics(updated_at=time.monotonic())._replace(**values)
    return Candidate(endpoint, metrics, is_fresh)


def used() -> EppMetrics:
    """Every series has at least one sample."""
    metrics = EppMetrics(commit="abc", build_ref="main")
    exchange = metrics.exchange_started("llama", "llama-2", 100)
    exchange.completed(0.3, 10, Usage(7, 5, 12, 3))
    metrics.request_failed("llama", "llama-2", "Internal")
    metrics.scheduling.observe(0.0002)
    metrics.plugin_timer("Scorer", "queue-scorer", "queue").observe(0.0001)
    metrics.prefix_matched(64, 128)
    metrics.scrape_failed("timeout")
    one = candidate(kv_usage=0.5, waiting=3, running=2)
    metrics.metrics_missing(one.endpoint, ["vllm:num_requests_waiting"])
    metrics.follow_pool("pool", lambda: [one])
    return metrics


def lines(metrics: EppMetrics) -> list[str]:
    return expose(metrics)[0].decode().splitlines()


def families(metrics: EppMetrics) -> Iterator[Metric]:
    return text_string_to_metric_families(expose(metrics)[0].decode())


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


@pytest.mark.parametrize(("name", "kind", "labels", "bounds"), FAMILIES)
def test_a_family_has_the_known_name_type_labels_and_bounds(
    name: str, kind: str, labels: set[str], bounds: str
) -> None:
    text = lines(used())
    samples = [line for line in text if re.match(rf"{name}(_bucket|_sum|_count)?[{{ ]", line)]
    expected = [*bounds.split(), "+Inf"] if bounds else []

    assert f"# TYPE {name} {kind}" in text
    assert any(line.startswith(f"# HELP {name} [ALPHA] ") for line in text)
    assert samples
    assert all(set(re.findall(r'(\w+)="', s)) - {"le"} == labels for s in samples)
    assert re.findall(r'le="([^"]+)"', "".join(samples)) == expected


def test_there_is_no_family_beyond_those_known_own_and_of_the_process() -> None:
    typed = {line.split()[2] for line in lines(used()) if line.startswith("# TYPE ")}

    assert {name for name in typed if not name.startswith("process_")} == {
        *(name for name, *_ in FAMILIES),
        *OWN,
    }


@pytest.mark.parametrize(("name", "labels"), OWN.items())
def test_an_own_family_has_the_documented_labels(name: str, labels: set[str]) -> None:
    samples = [line for line in lines(used()) if re.match(rf"{name}[{{ ]", line)]

    assert samples
    assert all(set(re.findall(r'(\w+)="', sample)) == labels for sample in samples)


def test_before_anything_happened_the_text_is_valid_and_unlabelled_series_are_zero() -> None:
    metrics = EppMetrics()

    assert value(metrics, "inference_extension_scheduler_e2e_duration_seconds_count") == 0
    assert value(metrics, "inference_extension_scrapes_total") == 0
    assert value(metrics, "inference_objective_request_total") is None


def test_values_say_what_happened() -> None:
    metrics = used()
    model = {"model_name": "llama", "target_model_name": "llama-2"}

    assert value(metrics, "inference_objective_request_total", **model) == 1
    assert value(metrics, "inference_objective_request_sizes_sum", **model) == 100
    assert value(metrics, "inference_objective_request_sizes_bucket", le="64") == 0
    assert value(metrics, "inference_objective_request_sizes_bucket", le="128") == 1
    assert value(metrics, "inference_objective_request_duration_seconds_sum", **model) == 0.3
    assert value(metrics, "inference_objective_input_tokens_sum", **model) == 7
    assert value(metrics, "inference_objective_output_tokens_sum", **model) == 5
    assert value(metrics, "inference_objective_prompt_cached_tokens_sum", **model) == 3
    assert value(
        metrics, "inference_objective_normalized_time_per_output_token_seconds_sum", **model
    ) == pytest.approx(0.06)
    assert value(metrics, "inference_extension_scheduler_attempts_total", status="success") == 1
    assert value(metrics, "inference_extension_prefix_indexer_hit_ratio_sum") == 0.5


def test_what_was_not_seen_is_not_recorded() -> None:
    metrics = EppMetrics()
    metrics.models["a", "a"].completed(1.0)
    metrics.models["b", "b"].completed(1.0, usage=Usage())
    metrics.request_failed("a", "a", "")
    metrics.prefix_matched(0, 0)

    assert value(metrics, "inference_objective_request_total") is None
    assert value(metrics, "inference_objective_response_sizes_count") is None
    assert value(metrics, "inference_objective_input_tokens_count") is None
    assert value(metrics, "inference_objective_prompt_cached_tokens_count", model_name="b") == 1
    assert value(metrics, "inference_objective_request_error_total") is None
    assert value(metrics, "inference_objective_running_requests") is None
    assert value(metrics, "inference_extension_prefix_indexer_hit_ratio_count") == 0
    assert value(metrics, "inference_extension_prefix_indexer_hit_bytes_count") == 1


def test_an_exchange_is_counted_while_it_runs_and_when_it_ends() -> None:
    metrics = EppMetrics()
    first = metrics.exchange_started("llama", "a", 100)
    second = metrics.exchange_started("llama", "b", 50)
    metrics.exchange_started("", "", 0)
    running = "inference_objective_running_requests"

    assert value(metrics, running, model_name="llama") == 2
    assert value(metrics, "inference_objective_request_total", target_model_name="a") == 1
    assert value(metrics, "inference_objective_request_sizes_sum", target_model_name="b") == 50

    first.ended()
    first.completed(0.3, 10, Usage(7, 5, 12, 3))

    assert value(metrics, running, model_name="llama") == 1
    assert value(metrics, "inference_objective_input_tokens_sum", target_model_name="a") == 7

    second.ended()

    assert value(metrics, running, model_name="llama") == 0
    assert value(metrics, running, model_name="") is None


def test_names_a_client_invents_share_one_series_after_the_thousandth() -> None:
    metrics = EppMetrics()
    for number in range(1500):
        metrics.request_failed(f"m{number}", f"m{number}", "NotFound")
        metrics.exchange_started(f"m{number}", f"m{number}", 1).ended()
    text = lines(metrics)
    errors = [line for line in text if line.startswith("inference_objective_request_error_total{")]
    running = [line for line in text if line.startswith("inference_objective_running_requests{")]

    assert len(errors) == len(running) == 1001
    assert errors[-1].endswith('model_name="other",target_model_name="other"} 500.0')
    assert all(line.endswith(" 0.0") for line in running)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ä", "a} 1"])
def test_a_label_value_survives_whatever_it_holds(name: str) -> None:
    metrics = EppMetrics()
    metrics.exchange_started(name, "t", 1)

    assert value(metrics, "inference_objective_request_total", model_name=name) == 1


def test_pool_gauges_are_means_over_fresh_endpoints_and_keep_their_last_value() -> None:
    metrics = EppMetrics()
    now = [
        candidate("a", kv_usage=0.5, waiting=3),
        candidate("b", kv_usage=0.1, waiting=0),
        candidate("c", is_fresh=False, waiting=50),
    ]
    metrics.follow_pool("pool", lambda: now)

    assert value(metrics, "inference_pool_ready_pods", name="pool") == 2
    assert value(metrics, "inference_pool_average_queue_size", name="pool") == 1.5
    assert value(metrics, "inference_pool_average_kv_cache_utilization") == pytest.approx(0.3)
    assert value(metrics, "inference_pool_per_pod_queue_size", model_server_pod="c") == 50

    now = [candidate("c", is_fresh=False)]

    assert value(metrics, "inference_pool_ready_pods", name="pool") == 0
    assert value(metrics, "inference_pool_average_queue_size", name="pool") == 1.5


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
