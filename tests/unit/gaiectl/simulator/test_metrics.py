"""Names, labels and buckets: the table of the simulator's users, restated."""

import re
from pathlib import Path

import pytest

from gaiectl.simulator.metrics import EngineMetrics, Load, LoraInfo
from gaiectl.simulator.settings import KvCache, Metrics, Model, Settings

TTFT = "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 20.0 40.0 80.0 160.0 640.0 2560.0"  # noqa: E501 - one row of the table
TOKEN = "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1.0 2.5 5.0 7.5 10.0 20.0 40.0 80.0"
LONG = "0.3 0.5 0.8 1.0 1.5 2.0 2.5 5.0 10.0 15.0 20.0 30.0 40.0 50.0 60.0 120.0 240.0 480.0 960.0 1920.0 7680.0"  # noqa: E501 - one row of the table
LENGTHS = "1.0 2.0 5.0 10.0 20.0 50.0 100.0 200.0 500.0 1000.0"
OWN = "engine model_name"
TABLE = {
    "vllm:num_requests_running": ("gauge", OWN, ""),
    "vllm:num_requests_waiting": ("gauge", OWN, ""),
    "vllm:kv_cache_usage_perc": ("gauge", OWN, ""),
    "vllm:lora_requests_info": (
        "gauge",
        "max_lora running_lora_adapters waiting_lora_adapters",
        "",
    ),
    "vllm:prompt_tokens_total": ("counter", OWN, ""),
    "vllm:generation_tokens_total": ("counter", OWN, ""),
    "vllm:prefix_cache_hits_total": ("counter", OWN, ""),
    "vllm:prefix_cache_queries_total": ("counter", OWN, ""),
    "vllm:request_success_total": ("counter", "engine finish_reason model_name", ""),
    "vllm:time_to_first_token_seconds": ("histogram", OWN, TTFT),
    "vllm:time_per_output_token_seconds": ("histogram", OWN, TOKEN),
    "vllm:inter_token_latency_seconds": ("histogram", OWN, TOKEN),
    "vllm:request_time_per_output_token_seconds": ("histogram", OWN, TOKEN),
    "vllm:e2e_request_latency_seconds": ("histogram", OWN, LONG),
    "vllm:request_queue_time_seconds": ("histogram", OWN, LONG),
    "vllm:request_inference_time_seconds": ("histogram", OWN, LONG),
    "vllm:request_prefill_time_seconds": ("histogram", OWN, LONG),
    "vllm:request_decode_time_seconds": ("histogram", OWN, LONG),
    "vllm:request_prompt_tokens": ("histogram", OWN, LENGTHS),
    "vllm:request_generation_tokens": ("histogram", OWN, LENGTHS),
    "vllm:max_num_generation_tokens": ("histogram", OWN, LENGTHS),
    "vllm:request_params_max_tokens": ("histogram", OWN, LENGTHS),
}
SAMPLE = re.compile(r"^([\w:]+)\{(.*)\} (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def exposed(settings: Settings | None = None) -> str:
    return EngineMetrics(settings or Settings()).text(Load(1, 2, 0.5), LoraInfo().series())


def kinds(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    found = [SAMPLE.match(line) for line in text.splitlines() if not line.startswith("#")]
    return [(m[1], dict(LABEL.findall(m[2])), float(m[3])) for m in found if m]


def test_exactly_the_families_of_the_table_are_there() -> None:
    assert kinds(exposed()) == {
        **{name: kind for name, (kind, _, _) in TABLE.items()},
        "vllm:cache_config_info": "gauge",
    }


@pytest.mark.parametrize("name", TABLE)
def test_each_family_has_its_labels_and_buckets(name: str) -> None:
    _, labels, buckets = TABLE[name]
    own = [(n, found) for n, found, _ in samples(exposed()) if n.startswith(name)]

    if buckets:
        edges = [found["le"] for n, found in own if n == f"{name}_bucket"]
        assert edges == [*buckets.split(), "+Inf"]
        assert {n for n, _ in own} == {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    assert {" ".join(sorted(found.keys() - {"le"})) for _, found in own} == {labels}


def test_what_an_epp_reads_is_spelled_and_labelled_as_by_a_real_vllm() -> None:
    recorded = (Path(__file__).parent / "vllm-0.32.0-metrics-an-epp-reads.txt").read_text()
    ours = {name: sorted(labels) for name, labels, _ in samples(exposed())}

    theirs = {name: sorted(labels) for name, labels, _ in samples(recorded)}
    assert len(theirs) == 5
    assert {name: ours[name] for name in theirs} == theirs
    assert {name: kinds(exposed())[name] for name in theirs} == kinds(recorded)


def test_the_cache_configuration_says_its_sizes() -> None:
    settings = Settings(kv_cache=KvCache(kv_cache_size=77, block_size=32))
    [labels] = [
        labels for n, labels, _ in samples(exposed(settings)) if n == "vllm:cache_config_info"
    ]

    assert (labels["block_size"], labels["num_gpu_blocks"]) == ("32", "77")


def test_the_former_name_of_the_cache_usage_is_shown_in_addition_if_asked_for() -> None:
    text = exposed(Settings(metrics=Metrics(legacy_kv_metric=True)))
    usage = {n: value for n, _, value in samples(text) if n.endswith("cache_usage_perc")}

    assert usage == {"vllm:kv_cache_usage_perc": 0.5, "vllm:gpu_cache_usage_perc": 0.5}


def test_the_first_served_name_labels_the_metrics() -> None:
    settings = Settings(model=Model(model="m", served_model_name=("shown", "other")))

    assert {labels["model_name"] for _, labels, _ in samples(exposed(settings)) if "model_name" in labels} == {"shown"}  # fmt: skip # noqa: E501 - one set


def test_lengths_have_buckets_up_to_the_context_window() -> None:
    text = exposed(Settings(model=Model(max_model_len=200_000)))
    edges = [
        labels["le"] for n, labels, _ in samples(text) if n == "vllm:request_prompt_tokens_bucket"
    ]

    assert edges[-3:] == ["100000.0", "200000.0", "+Inf"]


def test_buckets_are_cumulative_and_end_in_the_count() -> None:
    metrics = EngineMetrics(Settings())
    for value in (0.0005, 0.005, 3.0, 99999.0):
        metrics.observe("vllm:time_to_first_token_seconds", value)
    text = metrics.text(Load(0, 0, 0), [])
    own = {
        labels.get("le", n): value
        for n, labels, value in samples(text)
        if n.startswith("vllm:time_to_first_token_seconds")
    }

    assert (own["0.001"], own["0.005"], own["2.5"], own["5.0"], own["+Inf"]) == (1, 2, 2, 3, 4)
    assert own["vllm:time_to_first_token_seconds_count"] == 4
    assert own["vllm:time_to_first_token_seconds_sum"] == pytest.approx(100002.0055)


def test_names_with_quotes_are_escaped() -> None:
    text = exposed(Settings(model=Model(model='a"b\\c')))

    assert r'model_name="a\"b\\c"' in text


def test_states_that_change_within_one_tick_of_the_clock_can_be_told_apart() -> None:
    info = LoraInfo(clock=lambda: 1000.0)
    info.show(["a"], [])
    info.show([], [])

    assert max(info.series(), key=lambda series: series[2])[:2] == ("", "")


def test_the_number_of_adapter_states_kept_is_bounded() -> None:
    info = LoraInfo()
    for number in range(200):
        info.show([f"adapter-{number}"], [])

    assert len(info.series()) == 16
    assert info.series()[-1][0] == "adapter-199"
