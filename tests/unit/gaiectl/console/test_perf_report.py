"""A measurement fits 80 columns, its picture can be drawn, and both say what was wrong."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gaiectl.checks.junit import suite_of
from gaiectl.checks.perf import comparison
from gaiectl.checks.perf.limits import Limit
from gaiectl.checks.perf.load import Load, Step
from gaiectl.checks.perf.run import Run, cases
from gaiectl.checks.perf.sample import Sample
from gaiectl.checks.perf.tally import Hits, Result, Tally
from gaiectl.cli import perf_runs
from gaiectl.cli.check_runs import ReportForm
from gaiectl.console import perf_plot, perf_table


def step(step: Step, *, scale: float = 1.0, failed: int = 0, streams: bool = True) -> Result:
    tally = Tally(step)
    for number in range(20):
        first = scale * (0.1 + number / 1000) if streams else None
        gaps = [scale * 0.01] * 9 if streams else []
        tally.add(
            Sample(
                seconds=scale * (0.2 + number / 1000),
                first=first,
                gaps=gaps,
                tokens_in=100,
                tokens_out=10,
                endpoint=f"model-server-7d9f8c6b5-{number % 3}",
                failure="503" if number < failed else "",
                said="no healthy upstream" if number < failed else "",
            ),
            1.0,
        )
    return tally.close(1.0)


def run(*results: Result, cut: str = "", threshold: float = 0.99) -> Run:
    load = Load(steps=tuple(one.step for one in results))
    about = {"name": "llm", "model": "m" * 200, "startedAt": "2026-01-01T00:00:00+00:00"}
    return Run(about=about, load=load.as_json(), results=results, cut=cut, threshold=threshold)


def steps(**more: Any) -> list[Result]:
    return [step(Step(2**n), scale=1.9**n, **more) for n in range(8)]


def test_tables_fit_eighty_columns_up_to_answers_of_a_quarter_of_a_minute() -> None:
    text = perf_table.tables(run(*steps()))
    lines = text.partition("\n\n!")[0].splitlines()

    assert max(map(len, lines)) <= 80
    assert "TTFT P50" in text
    assert "model-server-7d9f8c6b5-0" in text


def test_failures_and_doubts_are_told() -> None:
    late = step(Step(4), failed=5)
    late.client_lag.add(0.05)
    late.servers, late.picker = Hits(None, 0, 3), Hits(0.5, 1, 1)
    measured = run(step(Step(1)), late, cut="interrupted")
    text, last = perf_table.tables(measured), perf_table.summary(measured)
    late.servers = Hits(None, 3, 3)
    assert "prefix hits are what" not in perf_table.tables(measured), "servers that nobody asked"

    assert "4 at a time: 503, 5 times (no healthy upstream)" in text
    assert "cut short: interrupted" in text
    assert "too busy to be exact, up to 50 ms late (p99): 4 at a time" in text
    assert "prefix hits are what the endpoint picker expects" in text
    assert "P99 is the slowest one" in text
    assert last.splitlines()[1:] == ["  4 at a time: 15 of 20 answered; wanted: 99 % answered"]


def test_answers_that_came_as_a_whole_have_no_columns_of_dashes() -> None:
    text = perf_table.tables(run(step(Step(1), streams=False)))

    assert "TTFT" not in text
    assert "E2E P50" in text


def test_nobody_says_who_answered() -> None:
    quiet = step(Step(1))
    quiet.endpoints = Counter({"": 20})

    assert "do not say which endpoint" in perf_table.tables(run(quiet))


def test_a_comparison_shows_what_differs_and_what_matters_most() -> None:
    found = comparison.compare(run(step(Step(1))), run(step(Step(1), scale=2)))
    text = perf_table.comparison(found)

    assert "TTFT p50       109 ms   218 ms" in text
    assert "worse" in text
    assert "tokens/s out" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_report_compared_with_itself_is_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(run(*steps(), cut="interrupted").as_json()))

    assert perf_runs.compare((file, file), ReportForm.JSON) == 0
    printed = capsys.readouterr()
    assert f"{file} was cut short: interrupted" in printed.err
    told = json.loads(printed.out)
    assert {one["verdict"] for one in told} == {"same"}
    assert {one["step"] for one in told} == {str(2**n) for n in range(8)}


@pytest.mark.parametrize(
    "results",
    [
        steps(),
        [step(Step(3))],
        [step(Step(rate=0.5)), step(Step(rate=100))],
        [step(Step(1), streams=False), step(Step(2), failed=20)],
        [step(Step(1), scale=0.0)],
    ],
    ids=["eight", "one", "rates", "no streams", "no time"],
)
def test_a_picture_can_be_drawn_of_any_run(results: list[Result], tmp_path: Path) -> None:
    file = tmp_path / "perf.svg"
    perf_plot.require(file)
    perf_plot.write(run(*results, cut="interrupted"), file)

    assert ET.parse(file).getroot().tag.endswith("svg")


def test_a_step_that_is_slower_than_it_may_be_fails_and_is_told_in_every_form() -> None:
    measured = run(*steps()[:2])
    limits = (Limit("ttft", 95, 10.0), Limit("itl", 50, 1e-6), Limit("e2e", 50, 1e6))
    judged = replace(measured, limits=limits)

    assert judged.missed
    assert {one.wanted for one in judged.missed} == {"ITL p50 within 0.001 ms"}
    told = judged.as_json()
    assert (told["success"], len(told["missed"])) == (False, 2)
    assert "1 at a time: 10 ms; wanted: ITL p50 within 0.001 ms" in perf_table.summary(judged)
    suite = ET.fromstring(suite_of(cases(judged), "perf", {}))[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("8", "2")


def test_what_was_not_measured_keeps_no_limit() -> None:
    whole = replace(run(step(Step(1), streams=False)), limits=(Limit("ttft", 50, 1.0),))
    assert [one.seen for one in whole.missed] == ["nothing measured"]

    nothing = run(Tally(Step(rate=0.01)).close(1.0))
    assert [one.seen for one in nothing.missed] == ["0 of 0 answered"]
    assert not nothing.as_json()["success"]


def test_a_measurement_that_was_cut_short_is_no_success() -> None:
    cut = run(step(Step(1)), Tally(Step(2)).close(1.0), cut="out of time")

    assert cut.missed == []
    assert not cut.as_json()["success"]
    assert [case.failure for case in cases(cut)] == ["", "out of time"]


def test_a_picture_is_drawn_whatever_the_model_is_called(tmp_path: Path) -> None:
    measured = run(step(Step(1)))
    named = replace(
        measured, about={"name": "llm", "model": "a$\\frac$ \N{CJK UNIFIED IDEOGRAPH-6A21}"}
    )

    perf_plot.write(named, tmp_path / "a.svg")

    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_what_a_report_says_does_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = run(*steps()).as_json()
    other = {**one, "model": "\x1b[2Jother", "cutShort": "\x1b[31m" + "x" * 999}
    other["load"] = {**one["load"], "\x1b[1m": "\x07"}
    files = (tmp_path / "a.json", tmp_path / "b.json")
    for file, told in zip(files, (one, other), strict=True):
        file.write_text(json.dumps(told))

    perf_runs.compare(files, ReportForm.TEXT)

    printed = "".join(capsys.readouterr())
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "x" * 99 not in printed
    assert "these are different models" in printed
