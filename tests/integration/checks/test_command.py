"""``gaiectl local test`` against real stacks: what it proves, prints, and leaves behind."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gaiectl.checks.catalog import ALL

QUICK = ("--check", "models", "--check", "completion")


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["result"] for check in report["checks"]}


def until_something_is_killed(child: subprocess.Popen[str], state: Path) -> None:
    """Wait until a check is in the midst of breaking a stack."""
    while child.poll() is None and not json.loads(state.read_text())["killed"]:
        time.sleep(0.01)


@pytest.mark.slow
def test_every_check_passes_on_a_stack_made_for_it_and_nothing_is_left(
    gaiectl: Any, tmp_path: Path
) -> None:
    xml = tmp_path / "report.xml"
    done = gaiectl.run("local", "test", "-o", "json", "--junit-file", str(xml))
    report = json.loads(done.stdout)

    estimating = "the endpoint picker's configuration has no precise-prefix-cache-producer"
    assert {c["id"]: c["error"] or c["reason"] for c in report["checks"]} == (
        dict.fromkeys([check.id for check in ALL]) | {"kv-events": estimating}
    )
    assert report["success"] is True
    assert done.returncode == 0
    assert ET.parse(xml).getroot()[0].get("tests") == str(len(ALL))
    assert gaiectl.leftovers() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "skipped"),
    [
        ((), 1),
        (("--body-mode", "duplex"), 1),
        (("--replicas", "2", "--fail-open"), 1),
        (("--replicas", "1"), 5),
    ],
    ids=str,
)
def test_a_running_stack_of_any_make_passes_and_is_whole_afterwards(
    arguments: tuple[str, ...], skipped: int, gaiectl: Any
) -> None:
    up = gaiectl.run("local", "up", "-d", "-o", "json", *arguments)
    assert up.returncode == 0, up.stderr
    done = gaiectl.run("local", "test", "-o", "json")
    after = gaiectl.run("local", "status", "-o", "json")
    report = json.loads(done.stdout)

    assert {c["id"]: c["error"] for c in report["checks"] if c["error"]} == {}
    assert len([c for c in report["checks"] if c["result"] == "skipped"]) == skipped
    assert done.returncode == 0
    assert after.returncode == 0
    assert all(endpoint["ready"] for endpoint in json.loads(after.stdout)["endpoints"])
    assert report["gateway"]["url"] == json.loads(up.stdout)["gateway"]["url"]


@pytest.mark.slow
def test_a_stack_without_an_endpoint_picker_fails_with_a_way_out(gaiectl: Any) -> None:
    assert gaiectl.run("local", "up", "-d", "--name", "broken").returncode == 0
    assert gaiectl.run("local", "kill", "epp", "--name", "broken").returncode == 0
    done = gaiectl.run("local", "test", "--name", "broken", *QUICK, "-o", "json")
    report = json.loads(done.stdout)
    text = gaiectl.run("local", "test", "--name", "broken", *QUICK)

    assert done.returncode == 1
    assert report["success"] is False
    assert outcomes(report) == {"models": "failed", "completion": "failed"}
    assert "503" in report["checks"][1]["error"]
    assert "gaiectl local status --name broken" in report["checks"][1]["hint"]
    assert "failed  a completion comes back (completion)" in text.stdout
    assert "hint: see which part failed" in text.stdout
    assert text.stdout.splitlines()[-1].endswith("s")
    assert "2 failed" in text.stdout.splitlines()[-1]


@pytest.mark.slow
def test_model_servers_that_cut_their_answers_off_are_found_out(gaiectl: Any) -> None:
    assert gaiectl.run("local", "up", "-d", "--replicas", "1").returncode == 0
    assert gaiectl.run("local", "fault", "sim-0", "reset-mid-stream").returncode == 0
    done = gaiectl.run("local", "test", *QUICK, "--check", "streaming", "-o", "json")
    report = json.loads(done.stdout)

    assert done.returncode == 1
    assert outcomes(report) == {"models": "passed", "completion": "failed", "streaming": "skipped"}
    # If the cut comes while the EPP looks at the headers, the gateway can still say so itself.
    error = report["checks"][1]["error"]
    assert "200 by sim-0, cut off" in error or "502 by sim-0" in error


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals, code: int, gaiectl: Any) -> None:
    child = gaiectl.begin("local", "test", "--check", "endpoint-dies", "--check", "no-endpoints")
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("checking stack"):
            break
    (state,) = gaiectl.home.glob("local/*/state.json")
    until_something_is_killed(child, state)
    child.send_signal(number)
    child.communicate(timeout=120)

    assert child.returncode == code
    assert gaiectl.leftovers() == []


@pytest.mark.slow
def test_an_interrupted_run_mends_the_stack_it_was_given(gaiectl: Any) -> None:
    assert gaiectl.run("local", "up", "-d").returncode == 0
    child = gaiectl.begin("local", "test", "--check", "no-endpoints")
    until_something_is_killed(child, gaiectl.home / "local" / "default" / "state.json")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)

    assert child.returncode == 130
    assert gaiectl.run("local", "status").returncode == 0


@pytest.mark.slow
def test_a_stack_that_does_not_start_is_a_failure_in_every_report(
    gaiectl: Any, tmp_path: Path
) -> None:
    xml = tmp_path / "report.xml"
    arguments = ("local", "test", "--junit-file", str(xml), "-o", "json")
    done = gaiectl.run(*arguments, GAIECTL_ENVOY="/nowhere/envoy")

    assert done.returncode == 2
    assert outcomes(json.loads(done.stdout)) == {"stack": "failed"}
    assert ET.parse(xml).getroot()[0].get("failures") == "1"
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert gaiectl.leftovers() == []


def test_a_named_stack_that_does_not_run_is_not_replaced_by_another(gaiectl: Any) -> None:
    done = gaiectl.run("local", "test", "--name", "absent")

    assert done.returncode == 1
    assert "no stack 'absent' is running" in done.stderr
    assert "hint: gaiectl local up --name absent" in done.stderr


def test_a_misspelt_check_is_met_with_the_right_one(gaiectl: Any) -> None:
    done = gaiectl.run("local", "test", "--check", "completions")

    assert done.returncode == 2
    assert "did you mean completion?" in done.stderr
    assert done.stdout == ""


def test_a_report_that_could_not_be_written_is_told_before_anything_starts(
    gaiectl: Any, tmp_path: Path
) -> None:
    done = gaiectl.run("local", "test", "--junit-file", str(tmp_path / "none" / "report.xml"))

    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert "starting" not in done.stderr


def test_the_list_needs_no_stack(gaiectl: Any) -> None:
    text = gaiectl.run("local", "test", "--list")
    data = gaiectl.run("local", "test", "--list", "-o", "json", "--check", "spread")

    assert text.returncode == 0
    assert all(check.id in text.stdout for check in ALL)
    assert [check["id"] for check in json.loads(data.stdout)] == ["spread"]
    assert gaiectl.leftovers() == []
