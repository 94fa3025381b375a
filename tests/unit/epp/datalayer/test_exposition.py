"""The few numbers needed are read out of real and odd Prometheus texts; nothing raises."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from epp.api.endpoint import Metrics
from epp.datalayer.engines import (
    ENGINES,
    SGLANG,
    TRITON_TENSORRT_LLM,
    TRTLLM_SERVE,
    VLLM,
    Engine,
    MetricSpec,
)
from epp.datalayer.exposition import Reader, Reading

DATA = Path(__file__).parent / "data"
IDLE = (DATA / "vllm-idle.txt").read_bytes()
BUSY = (DATA / "vllm-lora-busy.txt").read_bytes()
PLAIN = Engine("plain", waiting=MetricSpec("waiting"), running=MetricSpec("running"))


def read(text: str, engine: Engine = VLLM) -> Reading:
    return Reader(engine).read(text.encode(), 1.0)


def waiting(text: str, engine: Engine = PLAIN) -> int:
    return read(text, engine).metrics.waiting


def test_an_idle_vllm_is_read() -> None:
    reading = Reader(VLLM).read(IDLE, 7.5)

    assert reading == Reading(
        Metrics(max_active_models=2, block_size=128, num_blocks=8192, updated_at=7.5), (), True
    )


def test_a_busy_vllm_with_adapters_is_read() -> None:
    adapters = frozenset({"food-review-1", "food-review-2"})

    assert Reader(VLLM).read(BUSY, 7.5).metrics == Metrics(
        waiting=0,
        running=4,
        kv_usage=0.00042725913266394855,
        active_models=adapters,
        waiting_models=adapters,
        max_active_models=2,
        block_size=32,
        num_blocks=32768,
        updated_at=7.5,
    )


@pytest.mark.parametrize("first", [IDLE, BUSY, b""])
@pytest.mark.parametrize("second", [IDLE, BUSY])
def test_what_was_read_before_does_not_change_what_is_read(first: bytes, second: bytes) -> None:
    reader = Reader(VLLM)
    reader.read(first, 1.0)

    assert reader.read(second, 2.0) == Reader(VLLM).read(second, 2.0)


def test_names_that_begin_alike_comments_and_created_series_are_not_taken() -> None:
    text = (
        "# HELP waiting waiting 1\n# TYPE waiting gauge\n"
        'waiting_by_reason 2\nwaiting_created 3\nnot_waiting 4\n waiting 5\nwaiting{a="b"} 6\n'
    )

    assert waiting(text) == 6


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("waiting 3", 3),
        ("waiting 3.9", 3),
        ("waiting\t3", 3),
        ("waiting{} 3", 3),
        ('waiting{a="b"}3', 3),
        ('waiting {a="b"} 3', 3),
        ("waiting 3\r", 3),
        ("waiting 3 1700000000000", 3),
        ("waiting 3e2", 300),
        ("waiting +3", 3),
        ("waiting -3", 0),
        ("waiting 1e300", 2**53),
        ('waiting{a="}",b="{ , }"} 3', 3),
        ('waiting{a="\\"} 9",b="x\\\\"} 3', 3),
    ],
)
def test_a_sample_is_read_however_it_is_written(line: str, value: int) -> None:
    assert waiting(f"{line}\nrunning 1\n") == value
    assert waiting(f"running 1\n{line}") == value


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "x", "", "{", '{a="', "1x", "0x10"])
def test_a_value_that_is_no_number_counts_as_missing(value: str) -> None:
    reader = Reader(PLAIN)
    reader.read(b"waiting 5\nrunning 1\n", 1.0)
    reading = reader.read(f"waiting {value}\nrunning 2\n".encode(), 2.0)

    assert (reading.metrics.waiting, reading.metrics.running) == (5, 2)
    assert reading.missing == ("waiting",)
    assert reading.is_usable


def test_a_text_without_any_load_metric_is_not_usable() -> None:
    assert not read("<html>").is_usable
    assert read("vllm:kv_cache_usage_perc 0.1\n").is_usable


def test_kv_usage_is_a_share() -> None:
    assert read("vllm:kv_cache_usage_perc 1.7\n").metrics.kv_usage == 1.0
    assert read("vllm:kv_cache_usage_perc -1\n").metrics.kv_usage == 0.0


def test_a_renamed_metric_is_reported_and_a_missing_adapter_series_is_not() -> None:
    text = IDLE.replace(b"vllm:kv_cache_usage_perc", b"vllm:gpu_cache_usage_perc")
    text = text.replace(b"vllm:lora_requests_info", b"vllm:x")

    assert Reader(VLLM).read(text, 1.0).missing == ("vllm:kv_cache_usage_perc",)


def test_the_first_series_counts_without_timestamps_and_the_newest_with() -> None:
    assert waiting('waiting{m="a"} 1\nwaiting{m="b"} 2\n') == 1
    assert waiting('waiting{m="a"} 1 50\nwaiting{m="b"} 2 70\nwaiting{m="c"} 3 60\n') == 2


def test_labels_of_a_spec_select_the_series() -> None:
    text = (
        'nv_trt_llm_request_metrics{model="m",request_type="scheduled"} 4\n'
        'nv_trt_llm_request_metrics{model="m",request_type="waiting"} 9\n'
        'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max"} 500\n'
        'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction"} 0.25\n'
        'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per"} 64\n'
    )
    metrics = read(text, TRITON_TENSORRT_LLM).metrics

    assert (metrics.waiting, metrics.running, metrics.kv_usage) == (9, 4, 0.25)
    assert (metrics.block_size, metrics.num_blocks) == (64, 500)


def test_other_engines_are_read_by_their_names() -> None:
    sglang = read(
        "sglang:num_queue_reqs 1\nsglang:num_running_reqs 2\nsglang:token_usage 0.5\n"
        'sglang:cache_config_info{page_size="16",num_pages="10"} 1\n',
        SGLANG,
    )
    tensorrt = read(
        "trtllm_num_requests_waiting 1\ntrtllm_num_requests_running 2\n"
        "trtllm_kv_cache_utilization 0.5\ntrtllm_kv_cache_tokens_per_block 16\n"
        "trtllm_kv_cache_max_blocks 10\n",
        TRTLLM_SERVE,
    )

    assert sglang.metrics[:3] == tensorrt.metrics[:3] == (1, 2, 0.5)
    assert sglang.metrics[6:8] == tensorrt.metrics[6:8] == (16, 10)
    assert sglang.missing == tensorrt.missing == ()


def test_data_parallel_ranks_behind_one_port_are_added_up() -> None:
    text = "".join(
        f'vllm:num_requests_waiting{{engine="{rank}",model_name="m"}} {rank + 1}\n'
        f'vllm:num_requests_waiting{{engine="{rank}",model_name="n"}} 100\n'
        for rank in range(3)
    ) + "".join(
        f'vllm:kv_cache_usage_perc{{engine="{rank}"}} {usage}\n'
        for rank, usage in enumerate((0.1, 0.6, 0.2))
    )
    metrics = read(text).metrics

    assert metrics.waiting == 6
    assert metrics.kv_usage == pytest.approx(0.3)


def lora(*series: tuple[str, str, str, float]) -> str:
    return "".join(
        f'vllm:lora_requests_info{{max_lora="{most}",running_lora_adapters="{running}",'
        f'waiting_lora_adapters="{queued}"}} {value}\n'
        for running, queued, most, value in series
    )


def test_the_newest_adapter_series_is_the_truth_also_when_it_is_empty() -> None:
    busy = read(lora(("", "", "2", 1.0), ("a, b", " c", "4", 3e9), ("x", "", "2", 2e9))).metrics

    assert busy.active_models == {"a", "b"}
    assert busy.waiting_models == {"c"}
    assert busy.max_active_models == 4

    idle = read(lora(("a", "b", "2", 1e9), ("", "", "2", 2e9))).metrics

    assert (idle.active_models, idle.waiting_models) == (frozenset(), frozenset())


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30, unique=True), st.booleans())
def test_of_many_adapter_series_the_newest_is_found(times: list[int], has_garbage: bool) -> None:
    series = lora(*((f"a{time}", "", "2", float(time)) for time in times))
    garbage = "vllm:lora_requests_info{} x\n" if has_garbage else ""

    assert read(series + garbage).metrics.active_models == {f"a{max(times)}"}


@pytest.mark.parametrize("series", [("a", "", "2", 0.0), ("a", "", "2", float("nan"))])
def test_an_adapter_series_that_was_never_set_does_not_count(
    series: tuple[str, str, str, float],
) -> None:
    assert read(lora(series)).metrics.active_models == frozenset()


def test_a_most_that_is_no_number_leaves_the_adapters() -> None:
    metrics = read(lora(("a", "", "None", 1.0))).metrics

    assert (metrics.active_models, metrics.max_active_models) == ({"a"}, 0)


def test_adapters_of_a_restarted_server_are_gone() -> None:
    reader = Reader(VLLM)
    reader.read(BUSY, 1.0)

    assert reader.read(b"vllm:num_requests_waiting 0\n", 2.0).metrics.active_models == frozenset()


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a", MetricSpec("a")),
        (" a:b_c ", MetricSpec("a:b_c")),
        ("a{}", MetricSpec("a")),
        ("a{b=c}", MetricSpec("a", (("b", "c"),))),
        ('a{ b = "c, d" , e=f,}', MetricSpec("a", (("b", "c, d"), ("e", "f")))),
        ("a{b=}", MetricSpec("a", (("b", ""),))),
    ],
)
def test_a_metric_is_written_as_name_and_labels(text: str, spec: MetricSpec) -> None:
    assert MetricSpec.parse(text) == spec


@pytest.mark.parametrize("text", ["", "1a", "a{", "a}", "a{b}", "a{=c}", "a b", "a{b=c}{d=e}"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="want"):
        MetricSpec.parse(text)


WORDS = ("waiting", "running", "a", "lora", "running_lora_adapters", "1", "NaN", "9" * 20)
ALPHABET = st.sampled_from([*WORDS, *'\n\n {}"\\,=e-#\r\x00'])
NOISE = st.binary(max_size=200) | st.lists(ALPHABET, max_size=60).map(lambda p: "".join(p).encode())


@given(st.lists(NOISE, max_size=4))
def test_whatever_the_bytes_are_the_values_stay_in_their_ranges(texts: list[bytes]) -> None:
    engine = replace(PLAIN, kv_usage=MetricSpec("a"), lora=MetricSpec("lora"), rank_label="a")
    reader = Reader(engine)
    for text in texts:
        metrics = reader.read(text, 1.0).metrics

        assert 0 <= metrics.waiting <= 2**53
        assert 0.0 <= metrics.kv_usage <= 1.0


@given(st.lists(NOISE, min_size=2, max_size=4))
def test_reading_on_is_like_reading_anew(texts: list[bytes]) -> None:
    reader = Reader(PLAIN)
    readings = [reader.read(text, 1.0) for text in texts]
    last = Reader(PLAIN).read(texts[-1], 1.0)

    assert readings[-1].missing == last.missing
    if not last.missing:
        assert readings[-1] == last


LABEL_VALUES = st.text(max_size=8).filter(lambda text: "\r" not in text)


@given(
    st.lists(st.tuples(LABEL_VALUES, st.integers(0, 10**6)), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_a_text_that_prometheus_understands_is_understood_alike(
    series: list[tuple[str, int]], before: int
) -> None:
    def escaped(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    lines = [f'waiting{{m="{escaped(value)}"}} {number}\n' for value, number in series]
    text = "# TYPE other gauge\nother 1\n" * min(before, 1) + "".join(lines) + "running 0\n"
    family = next(f for f in text_string_to_metric_families(text) if f.name == "waiting")

    assert waiting(text) == family.samples[0].value
    for sample in family.samples:
        spec = MetricSpec("waiting", (("m", sample.labels["m"]),))
        chosen = next(s for s in family.samples if s.labels == sample.labels)

        assert waiting(text, Engine("x", waiting=spec)) == chosen.value


def test_engines_are_known_by_their_names() -> None:
    assert {name: engine.name for name, engine in ENGINES.items()} == {
        name: name for name in ("vllm", "sglang", "trtllm-serve", "triton-tensorrt-llm", "triton")
    }
