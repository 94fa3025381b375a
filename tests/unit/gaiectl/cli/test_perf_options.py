"""What the options of a measurement say, and what of it makes no sense."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from gaiectl.checks.perf.load import Step
from gaiectl.cli import perf_options, perf_runs
from gaiectl.cli.check_runs import ReportForm
from gaiectl.cli.perf_options import Perf
from gaiectl.errors import UsageError

HUGE = json.dumps(
    {
        "kind": "PerformanceReport",
        "load": {},
        "steps": [{"requests": 10**400, "succeeded": 10**400, "seconds": 1, "client": {}}],
    }
)
"""A report with a number that no float can be."""


def perf(**given: Any) -> Perf:
    parameters = inspect.signature(perf_options._options).parameters
    return Perf({name: one.default for name, one in parameters.items()} | given)


def test_nothing_is_measured_unless_asked_for() -> None:
    assert perf().load({"--check": ["spread"]}) is None


def test_steps_are_concurrencies_or_rates() -> None:
    closed = perf(perf=True, perf_concurrency="1, 16").load({"--check": None})
    opened = perf(perf=True, perf_rate="0.5,2").load({})

    assert closed is not None
    assert opened is not None
    assert [(step, step.label) for step in closed.steps] == [(Step(1), "1"), (Step(16), "16")]
    assert [step.label for step in opened.steps] == ["0.5/s", "2/s"]


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"perf_csv": Path("a.csv")}, "--perf-csv is about a measurement", "add --perf"),
        ({"perf_stream": False}, "--perf-stream is about a measurement", "add --perf"),
        ({"perf": True, "perf_concurrency": "1,two"}, "no list of numbers", "1,2,4,8"),
        ({"perf": True, "perf_concurrency": "1,,2"}, "no list of numbers", "1,2,4,8"),
        ({"perf": True, "perf_concurrency": ""}, "no list of numbers", "1,2,4,8"),
        ({"perf": True, "perf_concurrency": "1.5"}, "requests are whole", "1,2,4,8"),
        ({"perf": True, "perf_concurrency": "100000"}, "up to 1000", "1,2,4,8"),
        ({"perf": True, "perf_rate": "1,1"}, "twice", "leave one out"),
        ({"perf": True, "perf_rate": "nan"}, "no list of numbers", "--perf-rate"),
        ({"perf": True, "perf_rate": "-1"}, "no list of numbers", "--perf-rate"),
        ({"perf": True, "perf_duration": "0s"}, "--perf-duration 0s is no time", "10s"),
        ({"perf": True, "perf_duration": "soon"}, "not a duration", "10s"),
        (
            {"perf": True, "perf_prefixes": 10_000, "perf_prompt_tokens": 100_000},
            "5e+08 tokens of prompts would be held at once",
            "--perf-prefixes",
        ),
        (
            {"perf": True, "perf_concurrency": "1,900", "perf_prompt_tokens": 100_000},
            "9e+07 tokens of prompts",
            "--perf-concurrency",
        ),
        ({"perf": True, "perf_limit": ["ttft=1s"]}, "'ttft=1s' is no limit", "ttft-p95=500ms"),
        ({"perf": True, "perf_limit": ["ttft-p0=1s"]}, "is no limit", "ttft-p95=500ms"),
        ({"perf": True, "perf_limit": ["itl-p99=soon"]}, "not a duration", "10s"),
        (
            {"perf": True, "perf_limit": ["ttft-p95=1s"], "perf_stream": False},
            "with --no-perf-stream nothing of that is measured",
            "or limit e2e-p95",
        ),
        (
            {"perf": True, "perf_limit": ["itl-p50=1s"], "perf_answer_tokens": 1},
            "--perf-limit itl-p50: with --perf-answer-tokens 1 nothing",
            "leave --perf-answer-tokens 1 out",
        ),
        ({"perf_limit": ["itl-p99=1s"]}, "--perf-limit is about a measurement", "add --perf"),
        ({"perf": True, "perf_plot": Path("a.pdf")}, ".png or .svg", "a.svg"),
        ({"perf": True, "perf_csv": Path("/no/such/a")}, "there is no folder", "somewhere else"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_told_before_anything_starts(
    given: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        perf(**given).load({})

    assert message in refused.value.message
    assert hint in refused.value.hint


def test_long_prompts_may_be_sent_where_few_are_under_way() -> None:
    long = {"perf": True, "perf_prompt_tokens": 100_000, "perf_request_timeout": "2m"}

    assert perf(**long, perf_rate="1").load({})
    assert perf(**long, perf_concurrency="1,64").load({})
    with pytest.raises(UsageError) as refused:
        perf(**long, perf_rate="100").load({})
    assert "--perf-rate" in refused.value.hint


def test_checks_and_measurements_do_not_mix() -> None:
    with pytest.raises(UsageError, match="no checks: --disruptive"):
        perf(perf=True).load({"--disruptive": True, "--check": None})


def test_limits_are_times_at_percentiles() -> None:
    given = perf(perf=True, perf_limit=["ttft-p95=500ms", "E2E-p50=1m30s"])

    assert [str(one) for one in given.limits] == [
        "TTFT p95 within 500 ms",
        "E2E p50 within 90000 ms",
    ]


def test_a_missing_library_is_told_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)

    with pytest.raises(UsageError, match="needs matplotlib") as refused:
        perf(perf=True, perf_plot=Path("a.png")).load({})
    assert refused.value.hint == "pip install 'gaiectl[plot]'"


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", '{"kind": "PerformanceReport"}', "[" * 100_000, "\x00", None, HUGE],
)
def test_a_report_that_cannot_be_compared_is_told(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(UsageError, match=r"report\.json") as refused:
        perf_runs.compare((file, file), ReportForm.TEXT)
    assert "-o json" in refused.value.hint
