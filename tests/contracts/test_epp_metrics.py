"""The metric families of the EPP are those that upstream's dashboards and alerts know.

The tables below are upstream's: name, type, labels, bounds of the buckets, and the releases that
have the family. ``M`` stands for the labels of a model, ``F`` for those of a flow.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.metrics import Buckets, MetricFamily
from epp.api.plugin import Instance
from epp.api.request import Request, Usage
from epp.metrics.exposition import expose, families
from epp.metrics.flow import FlowLoad
from epp.metrics.recorder import EppMetrics, StreamMetrics

M = "model_name target_model_name"
F = f"{M} fairness_id priority"
QUEUE = "fairness_id priority inference_pool model_name target_model_name"
BAND = "priority inference_pool"
POD = "name model_server_pod"

GENERAL = (
    "0.005 0.025 0.05 0.1 0.2 0.4 0.6 0.8 1 1.25 1.5 2 3 4 5 6 8 10 15 20 30 45 60 120 180 240 300 "
    "360 480 600 900 1200 1800 2700 3600"
)
GENERAL_TO_120 = GENERAL.partition(" 180")[0]
TOKEN_TO_2 = (
    "0.0005 0.00205 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.125 0.15 0.2 0.3 0.4 0.5 0.6 0.8 1 1.5 2"
)
SIZES = (
    "64 128 256 512 1024 2048 4096 8192 16384 32768 65536 131072 262144 524288 1.048576e+06 "
    "2.097152e+06 4.194304e+06 8.388608e+06 1.6777216e+07 3.3554432e+07 6.7108864e+07 "
    "1.34217728e+08 2.68435456e+08 5.36870912e+08 1.073741824e+09"
)
RESPONSES = "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32778 65536"
INPUTS = f"{RESPONSES} 131072 262144 524288 1.048576e+06"
OUTPUTS = "1 8 16 32 64 128 256 512 1024 2048 4096 8192"
NTPOT = "0.001 0.002 0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10"
FAST = "0.0001 0.0002 0.0005 0.001 0.002 0.005 0.01 0.02 0.05 0.1"
QUEUEING = "0.0001 0.0005 0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60"
PROCESSING = "0.0005 0.001 0.002 0.005 0.01 0.015 0.025 0.04 0.06 0.1 0.25 0.5 1 2.5 5 10"
RESPONDING = "0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5"
RATIO = "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"
HIT_BYTES = "0 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536"
ANY = "any"
"""Upstream's bounds are not known; ours are those of a similar family."""


class Row(NamedTuple):
    name: str
    kind: str
    labels: str = ""
    bounds: str = ""
    since: str = "1.3"


OBJECTIVE = [
    Row("inference_objective_request_total", "counter", f"{M} priority"),  # priority since 1.5
    Row("inference_objective_request_error_total", "counter", f"{M} error_code"),
    Row("inference_objective_request_duration_seconds", "histogram", M, GENERAL),
    Row("inference_objective_request_sizes", "histogram", M, SIZES),
    Row("inference_objective_response_sizes", "histogram", M, RESPONSES),
    Row("inference_objective_input_tokens", "histogram", M, INPUTS),
    Row("inference_objective_prompt_cached_tokens", "histogram", M, INPUTS),
    Row("inference_objective_output_tokens", "histogram", M, OUTPUTS),
    Row("inference_objective_running_requests", "gauge", "model_name"),
    Row("inference_objective_normalized_time_per_output_token_seconds", "histogram", M, NTPOT),
]
POOL = [
    Row("inference_pool_average_kv_cache_utilization", "gauge", "name"),
    Row("inference_pool_average_queue_size", "gauge", "name"),
    Row("inference_pool_average_running_requests", "gauge", "name", since="1.5"),
    Row("inference_pool_ready_pods", "gauge", "name"),
    Row("inference_pool_per_pod_queue_size", "gauge", POD),
]
EXTENSION = [
    Row("inference_extension_scheduler_e2e_duration_seconds", "histogram", "", FAST),
    Row(
        "inference_extension_scheduler_attempts_total",
        "counter",
        "status target_model_name pod_name namespace port",  # all but the status since 1.5
    ),
    Row(
        "inference_extension_plugin_duration_seconds",
        "histogram",
        "extension_point plugin_type plugin_name",
        FAST,
    ),
    Row("inference_extension_prefix_indexer_size", "gauge"),
    Row("inference_extension_prefix_indexer_hit_ratio", "histogram", "", RATIO),
    Row("inference_extension_prefix_indexer_hit_bytes", "histogram", "", HIT_BYTES),
    Row("inference_extension_info", "gauge", "commit build_ref"),
    Row(
        "inference_extension_model_rewrite_decisions_total",
        "counter",
        "model_rewrite_name model_name target_model",
    ),
    Row(
        "inference_extension_flow_control_request_queue_duration_seconds",
        "histogram",
        f"fairness_id priority outcome inference_pool {M}",
        QUEUEING,
    ),
    Row("inference_extension_flow_control_queue_size", "gauge", QUEUE),
    Row("inference_extension_flow_control_queue_bytes", "gauge", QUEUE, since="1.4"),
    Row(
        "inference_extension_flow_control_dispatch_cycle_duration_seconds",
        "histogram",
        "",
        FAST,
        "1.4",
    ),
    Row(
        "inference_extension_flow_control_request_enqueue_duration_seconds",
        "histogram",
        "fairness_id priority outcome",  # the fairness id since 1.5
        FAST,
        "1.4",
    ),
    Row("inference_extension_flow_control_pool_saturation", "gauge", "inference_pool", since="1.5"),
]
LLM_D = [
    Row(f"llm_d_epp_{name}", kind, labels, bounds, "llm-d")
    for name, kind, labels, bounds in (
        ("request_total", "counter", F, ""),
        ("request_error_total", "counter", f"{F} error_code", ""),
        ("request_duration_seconds", "histogram", F, GENERAL),
        ("request_size_bytes", "histogram", F, SIZES),
        ("response_size_bytes", "histogram", F, RESPONSES),
        ("request_input_tokens", "histogram", F, INPUTS),
        ("request_output_tokens", "histogram", F, OUTPUTS),
        ("request_cached_tokens", "histogram", F, INPUTS),
        ("request_ntpot_seconds", "histogram", F, NTPOT),
        ("request_ttft_seconds", "histogram", f"{F} streaming", GENERAL_TO_120),
        ("request_streaming_tpot_seconds", "histogram", F, TOKEN_TO_2),
        ("request_streaming_itl_seconds", "histogram", F, TOKEN_TO_2),
        ("request_running", "gauge", F, ""),
        ("average_kv_cache_utilization", "gauge", "name", ""),
        ("average_queue_size", "gauge", "name", ""),
        ("average_running_requests", "gauge", "name", ""),
        ("std_dev_kv_cache_utilization", "gauge", "name", ""),
        ("std_dev_queue_size", "gauge", "name", ""),
        ("std_dev_running_requests", "gauge", "name", ""),
        ("ready_endpoints", "gauge", "name", ""),
        ("per_endpoint_queue_size", "gauge", "name model_server_endpoint", ""),
        ("scheduler_e2e_duration_seconds", "histogram", "", FAST),
        (
            "scheduler_attempts_total",
            "counter",
            "status target_model_name endpoint_name namespace port",
            "",
        ),
        (
            "plugin_duration_seconds",
            "histogram",
            "extension_point plugin_type plugin_name",
            FAST,
        ),
        (
            "plugin_data_scope_violations_total",
            "counter",
            "extension_point plugin_type plugin_name access",
            "",
        ),
        ("request_processing_duration_seconds", "histogram", "", PROCESSING),
        ("response_processing_duration_seconds", "histogram", "", RESPONDING),
        ("info", "gauge", "commit build_ref", ""),
        (
            "model_rewrite_decisions_total",
            "counter",
            "model_rewrite_name model_name target_model",
            "",
        ),
        ("datalayer_poll_errors_total", "counter", "source_type", ""),
        ("datalayer_extract_errors_total", "counter", "source_type extractor_type", ""),
        (
            "flow_control_request_queue_duration_seconds",
            "histogram",
            f"fairness_id priority outcome inference_pool {M}",
            QUEUEING,
        ),
        ("flow_control_queue_size", "gauge", QUEUE, ""),
        ("flow_control_queue_bytes", "gauge", QUEUE, ""),
        ("flow_control_dispatch_cycle_duration_seconds", "histogram", "", FAST),
        (
            "flow_control_request_enqueue_duration_seconds",
            "histogram",
            "fairness_id priority outcome",
            FAST,
        ),
        ("flow_control_pool_saturation", "gauge", "inference_pool stage", ""),
        ("flow_control_stale_endpoints", "gauge", "detector", ""),
        ("flow_control_capacity_utilization_requests", "gauge", BAND, ""),
        ("flow_control_capacity_utilization_bytes", "gauge", BAND, ""),
        ("flow_control_global_capacity_utilization_requests", "gauge", "inference_pool", ""),
        ("flow_control_global_capacity_utilization_bytes", "gauge", "inference_pool", ""),
        ("flow_control_requests_total", "counter", f"outcome {BAND}", ""),
        ("flow_control_revocations_issued_total", "counter", BAND, ""),
        ("flow_control_revocations_total", "counter", "outcome inference_pool", ""),
        ("flow_control_reclaim_target", "gauge", "inference_pool", ""),
        ("flow_control_pending_reclaim", "gauge", "inference_pool", ""),
        (
            "flow_control_revocation_confirmation_seconds",
            "histogram",
            "inference_pool",
            "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10",
        ),
        ("extproc_streams_inflight", "gauge", "", ""),
        ("extproc_stream_duration_seconds", "histogram", "", ANY),
        ("extproc_streams_total", "counter", "code", ""),
    )
]
OWN = [
    Row("inference_extension_endpoint_inflight_requests", "gauge", POD),
    Row("inference_extension_endpoint_reachable", "gauge", POD),
    Row("inference_extension_endpoint_metrics_age_seconds", "gauge", POD),
    Row("inference_extension_model_server_metric_missing", "gauge", f"{POD} metric"),
    Row("inference_extension_request_failures_total", "counter", "error_code cause"),
    Row("inference_extension_streams_open", "gauge"),
    Row("inference_extension_scrapes_total", "counter"),
    Row("inference_extension_scrape_errors_total", "counter", "kind"),
    Row("inference_extension_discovery_reload_errors_total", "counter"),
    Row("inference_extension_discovery_last_reload_success", "gauge"),
    Row("inference_extension_discovery_last_success_timestamp_seconds", "gauge"),
    Row("inference_extension_discovery_unresolved_names", "gauge"),
]
UPSTREAM = [*OBJECTIVE, *POOL, *EXTENSION, *LLM_D]


def used() -> EppMetrics:
    """Every series has at least one sample."""
    metrics = EppMetrics(commit="abc", build_ref="main")
    request = Request("id", {}, "llama", target_model="llama-2", size=100, fairness_id="team")
    endpoint = Endpoint("a", "default", "10.0.0.1", 8000)
    series = metrics.exchange_started(request, endpoint, 0.001)
    series.completed(0.3, 10, Usage(7, 5, 12, 3), 0.1, is_streaming=True)
    series.completed(0.3, 10, Usage(7, 5, 12, 3), 0.1)
    series.between_tokens.observe(0.01)
    metrics.request_failed(request, "Internal")
    metrics.scheduling.observe(0.0002)
    metrics.plugin_timer("Scorer", "queue-scorer", "queue").observe(0.0001)
    metrics.scope_violations["Scorer", "queue-scorer", "queue", "write"] += 1
    metrics.prefix_matched(64, 128)
    metrics.rewrites["rule", "llama", "llama-2"] += 1
    metrics.scrape_failed("timeout")
    metrics.poll_errors["metrics-data-source"] += 1
    metrics.extract_errors["metrics-data-source", "core-metrics-extractor"] += 1
    metrics.streams = StreamMetrics()
    metrics.streams.ended(0, 0.3)
    metrics.metrics_missing(endpoint, ["vllm:num_requests_waiting"])
    metrics.follow_pool("pool", lambda: [Candidate(endpoint, Metrics(1, updated_at=1), True)])
    flow = metrics.flow
    flow.of(request).joined(100)
    flow.enqueued(request, "NotYetFinalized", 0.001)
    flow.ended(request, "Dispatched", 0.1)
    flow.revocations_issued[0] += 1
    flow.revocations["Confirmed"] += 1
    flow.confirming.observe(0.2)
    flow.load = lambda: FlowLoad(
        {"": 0.5}, {"utilization-detector": 1}, {0: (0.1, 0.2)}, (0.1, 0.2)
    )
    return metrics


async def exposed(metrics: EppMetrics) -> str:
    return (await expose(metrics)).decode()


def by_name(metrics: EppMetrics) -> dict[str, MetricFamily]:
    return {family.name: family for family in families(metrics)}


@pytest.mark.parametrize("row", [*UPSTREAM, *OWN], ids=lambda row: row.name)
async def test_a_family_has_its_name_type_labels_and_bounds(row: Row) -> None:
    lines = (await exposed(used())).splitlines()
    samples = [
        line
        for line in lines
        if line.startswith((f"{row.name}{{", f"{row.name} ", f"{row.name}_bucket{{"))
    ]
    labels = by_name(used())[row.name].labels
    bounds = [
        part.partition('"')[0]
        for line in samples
        if "_bucket{" in line
        for part in line.split('le="')[1:]
    ]

    assert f"# TYPE {row.name} {row.kind}" in lines
    assert samples
    assert set(labels) == set(row.labels.split())
    if row.bounds not in ("", ANY):
        expected = [*row.bounds.split(), "+Inf"]
        assert bounds[: len(expected)] == expected
        assert len(bounds) % len(expected) == 0


@pytest.mark.parametrize("row", UPSTREAM, ids=lambda row: row.name)
def test_the_help_of_a_family_of_upstream_says_that_it_is_alpha(row: Row) -> None:
    assert by_name(used())[row.name].help.startswith("[ALPHA] ")


@pytest.mark.parametrize("prefix", ["inference_extension", "llm_d_epp"])
def test_times_of_plugins_are_said_to_be_a_sample(prefix: str) -> None:
    assert "sample" in by_name(used())[f"{prefix}_plugin_duration_seconds"].help


def test_there_is_no_family_beyond_those_known() -> None:
    assert {family.name for family in families(used())} == {row.name for row in (*UPSTREAM, *OWN)}


async def test_prometheus_reads_the_text_and_finds_each_series_once() -> None:
    found = list(text_string_to_metric_families(await exposed(used())))
    series = [(sample.name, *sorted(sample.labels.items())) for f in found for sample in f.samples]

    assert len(series) == len(set(series)) > 300
    assert "inference_extension_info" in {family.name for family in found}


async def test_it_is_readable_before_anything_happened() -> None:
    text = await exposed(EppMetrics())
    names = {family.name for family in text_string_to_metric_families(text)}

    assert "inference_objective_request" in names
    assert "inference_extension_scheduler_e2e_duration_seconds_count 0" in text.splitlines()


@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """A plugin with metrics of its own."""

    families: Sequence[MetricFamily]

    def metrics(self) -> Sequence[MetricFamily]:
        return self.families


def plugins(*families: MetricFamily) -> EppMetrics:
    metrics = EppMetrics()
    metrics.instances = [
        Instance(f"plugin-{number}", "counting", Counting([family]))
        for number, family in enumerate(families)
    ]
    return metrics


def family(name: str, *values: str, labels: Sequence[str] = ("plugin_name",)) -> MetricFamily:
    return MetricFamily(name, "counter", "Something.", labels, [(values, 1)])


async def test_what_plugins_count_stands_beside_the_rest() -> None:
    text = await exposed(
        plugins(
            MetricFamily(
                "llm_d_epp_x_seconds", "histogram", "Y.", (), [((), Buckets((1, 2), (3, 4, 5), 9))]
            )
        )
    )

    assert '\nllm_d_epp_x_seconds_bucket{le="2"} 7\n' in text
    assert "\nllm_d_epp_x_seconds_count 12\n" in text


async def test_plugins_may_have_a_family_in_common() -> None:
    text = await exposed(
        plugins(family("llm_d_epp_y_total", "a"), family("llm_d_epp_y_total", "b"))
    )

    assert text.count("# TYPE llm_d_epp_y_total counter") == 1
    assert 'llm_d_epp_y_total{plugin_name="a"} 1\nllm_d_epp_y_total{plugin_name="b"} 1' in text


@pytest.mark.parametrize(
    ("name", "older"),
    [
        ("llm_d_epp_disagg_decision_total", "llm_d_inference_scheduler_disagg_decision_total"),
        ("llm_d_epp_pd_decision_total", "llm_d_inference_scheduler_pd_decision_total"),
    ],
)
async def test_decisions_of_disaggregation_keep_their_older_name(name: str, older: str) -> None:
    text = await exposed(plugins(family(name, "a")))

    assert f'{name}{{plugin_name="a"}} 1' in text
    assert f'{older}{{plugin_name="a"}} 1' in text


@pytest.mark.parametrize(
    "broken",
    [
        family("inference_extension_info", "a"),
        family("bad name", "a"),
        family("llm_d_epp_few_total"),
        MetricFamily("llm_d_epp_odd", "histogram", "Z.", (), [((), 1)]),
    ],
    ids=["taken", "no name", "labels missing", "no histogram"],
)
async def test_a_plugin_cannot_spoil_the_text_and_is_named_once(
    broken: MetricFamily, caplog: pytest.LogCaptureFixture
) -> None:
    good = family("llm_d_epp_good_total", "b")
    metrics = plugins(broken, good)

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            text = await exposed(metrics)

    assert 'llm_d_epp_good_total{plugin_name="b"} 1' in text
    assert len(list(text_string_to_metric_families(text))) > 20
    assert len([r for r in caplog.records if "plugin plugin-0" in r.getMessage()]) == 1


async def test_nothing_is_said_of_a_bound_that_does_not_exist() -> None:
    metrics = used()
    metrics.flow.load = lambda: FlowLoad(whole=(0.25, None))
    lines = (await exposed(metrics)).splitlines()
    name = "llm_d_epp_flow_control_global_capacity_utilization"

    assert f'{name}_requests{{inference_pool="pool"}} 0.25' in lines
    assert not [line for line in lines if line.startswith(f"{name}_bytes{{")]
