"""Two measurements: what is worse is told, what is noise is not."""

import csv
import io
import json
import random
from collections.abc import Sequence

import pytest

from gaiectl.checks.perf.comparison import Verdict, compare
from gaiectl.checks.perf.distribution import Malformed
from gaiectl.checks.perf.load import Load, Step, differences
from gaiectl.checks.perf.run import Run, as_csv
from gaiectl.checks.perf.sample import Sample
from gaiectl.checks.perf.tally import Result, Tally


def step(
    first: float, *, seed: int = 1, requests: int = 200, failed: int = 0, lag: float = 0.0
) -> Result:
    """Return a step with answers that take about ten times as long as their first token."""
    chance, tally, now = random.Random(seed), Tally(Step(4)), 0.0
    for number in range(requests):
        factor = chance.gauss(1, 0.1)
        seconds = first * 10 * factor
        now += seconds / 4
        failure = "429" if number < failed else ""
        gaps = [first * factor] * 9
        tally.add(
            Sample(seconds=seconds, first=first * factor, gaps=gaps, tokens_in=3, tokens_out=10,
                   endpoint=f"pod-{number % 2}", failure=failure),
            now,
        )  # fmt: skip
    for _ in range(100):
        tally.result.client_lag.add(lag)
    return tally.close(now)


def run(*results: Result) -> Run:
    load = Load(steps=tuple(one.step for one in results))
    return Run(about={"model": "m"}, load=load.as_json(), results=results)


def verdicts(before: Result, after: Result) -> dict[str, Verdict]:
    return {one.name: one.verdict for one in compare(run(before), run(after))}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_measured_twice_is_the_same(seed: int) -> None:
    found = verdicts(step(0.05, seed=seed), step(0.05, seed=seed + 100))

    assert set(found.values()) == {Verdict.SAME}


def test_slower_is_worse_and_faster_is_better() -> None:
    worse = verdicts(step(0.05), step(0.06, seed=2))
    better = verdicts(step(0.06), step(0.05, seed=2))

    for name in ("TTFT p50", "ITL p50", "E2E p50", "E2E p90", "requests/s", "tokens/s out"):
        assert worse[name] is Verdict.WORSE
        assert better[name] is Verdict.BETTER
    assert worse["answered"] is Verdict.SAME


def test_a_difference_that_few_requests_or_a_busy_client_show_is_none() -> None:
    few = verdicts(step(0.05, requests=4), step(0.06, requests=4, seed=2))
    busy = verdicts(step(0.05, lag=0.03), step(0.06, lag=0.03, seed=2))

    assert few["TTFT p50"] is few["E2E p99"] is Verdict.SAME
    assert busy["TTFT p50"] is busy["ITL p50"] is Verdict.SAME
    assert busy["requests/s"] is Verdict.WORSE


def test_failures_are_worse_though_the_rest_is_as_fast() -> None:
    found = verdicts(step(0.05), step(0.05, failed=20, seed=2))

    assert found["answered"] is Verdict.WORSE


def test_nothing_measured_is_unknown() -> None:
    assert verdicts(step(0.05), step(0.05, failed=200))["TTFT p50"] is Verdict.UNKNOWN


def test_a_report_that_is_read_back_compares_as_the_run_did() -> None:
    before, after = run(step(0.05)), run(step(0.06, failed=3, seed=2))
    read = Run.from_json(json.loads(json.dumps(after.as_json())))

    told = [(one.name, one.verdict) for one in compare(before, read)]
    assert told == [(one.name, one.verdict) for one in compare(before, after)]
    assert read.about["model"] == "m"
    assert differences(before.load, read.load) == []


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"kind": "TestReport"},
        {"kind": "PerformanceReport"},
        {"kind": "PerformanceReport", "load": {}, "steps": [None]},
        {"kind": "PerformanceReport", "load": {}, "steps": [{"concurrency": "many"}]},
        {"kind": "PerformanceReport", "load": {}, "steps": [{"concurrency": 1}]},
    ],
    ids=str,
)
def test_what_is_no_report_is_refused(told: object) -> None:
    with pytest.raises(Malformed):
        Run.from_json(told)


def test_loads_that_mean_something_else_are_told_and_longer_ones_are_not() -> None:
    one = Load(steps=(Step(1),), seconds=1).as_json()
    other = Load(steps=(Step(2),), seconds=9, prompt_tokens=7, streams=False).as_json()

    assert differences(one, other) == ["promptTokens 256 and 7", "streams True and False"]


def test_the_csv_has_a_line_for_each_step_and_no_empty_head() -> None:
    def rows(results: Sequence[Result]) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(as_csv(run(*results)))))

    row = rows([step(0.05, failed=2)])[0]
    assert (row["concurrency"], row["requests"], row["failures"]) == ("4", "200", "429=2")
    assert float(row["timeToFirstTokenMs_p50"]) == pytest.approx(50, rel=0.1)
    assert row["endpoints"] == "pod-0=99 pod-1=99"
    assert rows([]) == []
