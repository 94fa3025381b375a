"""``gaiectl local test --perf`` against simulators whose times are known."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest

FIRST, NEXT, TOKENS = 0.2, 0.02, 11
WHOLE = FIRST + NEXT * (TOKENS - 1)
MEASURE = ("local", "test", "--perf", "--perf-answer-tokens", str(TOKENS), "-o", "json")


def agrees(seen: float, seconds: float, step: dict[str, Any]) -> bool:
    """Tell whether a time is right: within 10 %; more only where this machine is slow.

    The client says how late it was itself. On the way there and back are four processes, each of
    which may be as late.
    """
    return 0.9 * seconds <= seen <= 1.1 * seconds + 4 * step["client"]["lag"]["p90"]


def disagreements(step: dict[str, Any]) -> list[str]:
    """Return which figures of a step are not what the simulators were told to do."""
    rate = step["concurrency"] / step["endToEnd"]["mean"]
    is_right = {
        "time to first token": agrees(step["timeToFirstToken"]["p50"], FIRST, step),
        "gap": agrees(step["interTokenLatency"]["p50"], NEXT, step),
        "time per token": agrees(step["timePerOutputToken"]["mean"], NEXT, step),
        "end to end": agrees(step["endToEnd"]["p50"], WHOLE, step),
        "requests": step["requestsPerSecond"] == pytest.approx(rate, rel=0.2),
        "tokens": step["answerTokensPerSecond"] == pytest.approx(rate * TOKENS, rel=0.2),
        "processor": step["client"]["cores"] < 0.7,
    }
    return [figure for figure, right in is_right.items() if not right]


@pytest.mark.slow
def test_what_is_reported_is_what_the_simulators_were_told_to_do(
    gaiectl: Any, tmp_path: Path
) -> None:
    gaiectl.up(
        *("--replicas", "2", f"--sim-arg=--time-to-first-token={FIRST}s"),
        *(f"--sim-arg=--inter-token-latency={NEXT}s", "--sim-arg=--max-num-seqs=64"),
    )
    table = tmp_path / "perf.csv"

    def measure() -> dict[str, Any]:
        done = gaiectl.run(
            *MEASURE,
            *("--perf-concurrency", "2,8", "--perf-requests", "8"),
            *("--perf-prompt-tokens", "100", "--perf-shared", "80", "--perf-prefixes", "1"),
            *("--perf-csv", str(table)),
        )
        assert done.returncode == 0, done.stderr
        measured: dict[str, Any] = json.loads(done.stdout)
        return measured

    report = first = measure()
    # A machine that stands still for a moment shows in some measurement; a mistake in each.
    for _ in range(4):
        if not any(map(disagreements, report["steps"])):
            break
        report = measure()

    assert first["success"] is True
    assert [step["concurrency"] for step in first["steps"]] == [2, 8]
    assert [disagreements(step) for step in report["steps"]] == [[], []], report
    for step in first["steps"]:
        assert step["answerTokens"] == 8 * TOKENS
        assert step["promptTokens"] >= 8 * 90
        assert (step["requests"], step["succeeded"], step["failures"]) == (8, 8, {})
        assert sum(step["endpoints"].values()) == 8
        assert set(step["endpoints"]) <= {"sim-0", "sim-1"}
        assert step["prefixHits"]["servers"]["toldBy"] == 2
        assert 0.2 < step["prefixHits"]["servers"]["part"] < 0.9  # 80 % are shared, in whole blocks
    with table.open(encoding="utf-8") as lines:
        assert [row["concurrency"] for row in csv.DictReader(lines)] == ["2", "8"]

    # Too many failures are a failure, and are told by class.
    gaiectl.run("local", "fault", "sim-0", "reset-mid-stream")
    broken = gaiectl.run(
        *MEASURE, "--perf-concurrency", "2", "--perf-requests", "8", "--perf-shared", "0"
    )
    (step,) = json.loads(broken.stdout)["steps"]
    assert broken.returncode == 1, broken.stdout
    assert step["failures"]["broken stream"]["count"] == 8 - step["succeeded"] > 0

    # Ctrl-C keeps what there is.
    gaiectl.run("local", "fault", "sim-0", "--off")
    child = gaiectl.begin(*MEASURE, "--perf-concurrency", "1,2", "--perf-duration", "2s")
    for line in child.stderr:
        if line.startswith("1 at a time"):
            break
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=120)
    report = json.loads(out)
    assert child.returncode == 130
    assert report["cutShort"] == "interrupted"
    assert report["steps"][0]["succeeded"] > 0
