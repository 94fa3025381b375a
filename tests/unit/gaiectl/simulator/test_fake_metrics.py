"""Metrics that are told: numbers, curves, and what makes no sense."""

import pytest

from gaiectl.simulator import metric_names as names
from gaiectl.simulator.fake_metrics import parse_fake_metrics
from gaiectl.simulator.metrics import EngineMetrics, Load
from gaiectl.simulator.settings import Settings


@pytest.mark.parametrize(
    ("curve", "values"),
    [
        ("ramp:0:10:4s", [0, 2.5, 5, 7.5, 10, 10]),
        ("rampreset:0:10:4s", [0, 2.5, 5, 7.5, 0, 2.5]),
        ("squarewave:0:10:4s", [0, 0, 10, 10, 0, 0]),
        ("oscillate:0:10:4s", [0, 5, 10, 5, 0, 5]),
        ("ramp:10:0:2000", [10, 5, 0, 0, 0, 0]),
    ],
)
def test_curves_run_from_start_to_end(curve: str, values: list[float]) -> None:
    fake = parse_fake_metrics({"waiting-requests": curve})

    assert [fake.gauge(names.WAITING, second) for second in range(6)] == pytest.approx(values)


def test_bucket_counts_fill_the_histograms_named() -> None:
    metrics = EngineMetrics(Settings())
    metrics.tell(
        parse_fake_metrics({
            "ttft-buckets-values": [1, 2, 3],
            "tpot-buckets-values": [4],
            "request-prompt-tokens": [10, 20, 30],
            "total-generation-tokens": 99,
            "request-success-total": {"stop": 5},
        })
    )  # fmt: skip

    assert metrics.histograms[names.TTFT].count == 6
    assert metrics.histograms[names.TPOT].count == metrics.histograms[names.ITL].count == 4
    assert metrics.counters[names.PROMPT_TOKENS] == 5 + 30 + 105
    assert metrics.counters[names.GENERATION_TOKENS] == 99
    assert metrics.success["stop"] == 5


def test_adapters_are_shown_with_their_times() -> None:
    fake = parse_fake_metrics({
        "loras": [
            {"running": "a,b", "waiting": "c", "timestamp": 1257894567},
            '{"running": "a", "timestamp": 1257894569}',
        ]
    })  # fmt: skip
    text = EngineMetrics(Settings()).text(Load(0, 0, 0), fake.loras)

    assert 'running_lora_adapters="a,b",waiting_lora_adapters="c"} 1.257894567e+09' in text


def test_an_update_changes_only_what_it_names() -> None:
    fake = parse_fake_metrics({"waiting-requests": 3, "running-requests": 2})
    updated = fake.updated({"waiting-requests": 7, "running-requests": None})

    assert updated.gauge(names.WAITING, 0) == 7
    assert updated.gauge(names.RUNNING, 0) == 2


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], "no JSON object"),
        ("{", "no JSON"),
        ({"waitin-requests": 1}, "did you mean waiting-requests"),
        ({"waiting-requests": -1}, "waiting-requests: -1 is not within"),
        ({"kv-cache-usage": 1.5}, "kv-cache-usage: 1.5 is not within 0 and 1"),
        ({"kv-cache-usage": "ramp:0:2:1s"}, "not within 0 and 1"),
        ({"kv-cache-usage": "climb:0:1:1s"}, "oscillate, ramp, rampreset, squarewave"),
        ({"kv-cache-usage": "ramp:0:1:0s"}, "period of zero"),
        ({"waiting-requests": [1]}, "waiting-requests"),
        ({"waiting-requests": "nan"}, "waiting-requests"),
        ({"ttft-buckets-values": [1] * 24}, "more values than there are buckets"),
        ({"ttft-buckets-values": [-1]}, "whole numbers"),
        ({"request-success-total": {"stopp": 1}}, "did you mean stop"),
        ({"prefix-cache-hits": 1}, "one needs the other"),
        ({"prefix-cache-hits": 2, "prefix-cache-queries": 1}, "more hits than queries"),
        ({"total-prompt-tokens": "many"}, "total-prompt-tokens"),
        ({"loras": {}}, "loras: must be a list"),
        ({"loras": [7]}, r"loras\[0\]"),
        ({"loras": [{"runing": "a"}]}, r"loras\[0\]: unknown field 'runing'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_key(told: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fake_metrics(told)
