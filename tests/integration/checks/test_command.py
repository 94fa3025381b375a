"""``gaiectl local test`` against real stacks: what it proves, prints, and leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gaiectl.checks.catalog import ALL
from gaiectl.errors import GaieError
from gaiectl.local import envoy

QUICK = ("--check", "models", "--check", "completion")


@dataclass
class CommandLine:
    """Runs gaiectl with a state directory of its own."""

    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "GAIECTL_STATE_HOME": str(self.home), "NO_COLOR": "1"}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", "local", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "gaiectl", "local", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(child)
        return child

    def leftovers(self) -> list[str]:
        """Processes below this state directory, and files in it."""
        marker = f"GAIECTL_STATE_HOME={self.home}".encode()
        found = [str(path) for path in self.home.rglob("*")] if self.home.exists() else []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def close(self) -> None:
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.communicate()
        self.run("down", "--all", "--drain", "0s")


@pytest.fixture
def gaiectl(tmp_path: Path, require: Any) -> Iterator[CommandLine]:
    try:
        envoy.find()
    except GaieError as error:
        require("envoy", error.message)
    command_line = CommandLine(tmp_path / "state")
    yield command_line
    command_line.close()


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["result"] for check in report["checks"]}


@pytest.mark.slow
def test_every_check_passes_on_a_stack_made_for_it_and_nothing_is_left(
    gaiectl: CommandLine, tmp_path: Path
) -> None:
    xml = tmp_path / "report.xml"
    done = gaiectl.run("test", "-o", "json", "--junit-file", str(xml))
    report = json.loads(done.stdout)

    assert {c["id"]: c["error"] or c["reason"] for c in report["checks"]} == (
        dict.fromkeys([check.id for check in ALL])
    )
    assert report["success"] is True
    assert done.returncode == 0
    assert ET.parse(xml).getroot()[0].get("tests") == str(len(ALL))
    assert gaiectl.leftovers() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("--body-mode", "duplex"), ("--replicas", "2", "--fail-open"), ("--replicas", "1")],
    ids=" ".join,
)
def test_a_running_stack_of_any_make_passes_and_is_whole_afterwards(
    arguments: tuple[str, ...], gaiectl: CommandLine
) -> None:
    up = gaiectl.run("up", "-d", "-o", "json", *arguments)
    assert up.returncode == 0, up.stderr
    done = gaiectl.run("test", "-o", "json")
    after = gaiectl.run("status", "-o", "json")
    report = json.loads(done.stdout)

    assert {c["id"]: c["error"] for c in report["checks"] if c["error"]} == {}
    assert done.returncode == 0
    assert after.returncode == 0
    assert all(endpoint["ready"] for endpoint in json.loads(after.stdout)["endpoints"])
    assert report["gateway"]["url"] == json.loads(up.stdout)["gateway"]["url"]


@pytest.mark.slow
def test_a_stack_without_an_endpoint_picker_fails_with_a_way_out(gaiectl: CommandLine) -> None:
    assert gaiectl.run("up", "-d", "--name", "broken").returncode == 0
    assert gaiectl.run("kill", "epp", "--name", "broken").returncode == 0
    done = gaiectl.run("test", "--name", "broken", *QUICK, "-o", "json")
    report = json.loads(done.stdout)
    text = gaiectl.run("test", "--name", "broken", *QUICK)

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
def test_model_servers_that_cut_their_answers_off_are_found_out(gaiectl: CommandLine) -> None:
    assert gaiectl.run("up", "-d", "--replicas", "1").returncode == 0
    assert gaiectl.run("fault", "sim-0", "reset-mid-stream").returncode == 0
    done = gaiectl.run("test", *QUICK, "--check", "streaming", "-o", "json")
    report = json.loads(done.stdout)

    assert done.returncode == 1
    assert outcomes(report) == {"models": "passed", "completion": "failed", "streaming": "skipped"}
    assert "200 by sim-0, cut off" in report["checks"][1]["error"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(
    number: signal.Signals, code: int, gaiectl: CommandLine
) -> None:
    child = gaiectl.begin("test", "--check", "endpoint-dies", "--check", "no-endpoints")
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("checking stack"):
            break
    child.send_signal(number)
    child.communicate(timeout=120)

    assert child.returncode == code
    assert gaiectl.leftovers() == []


@pytest.mark.slow
def test_an_interrupted_run_mends_the_stack_it_was_given(gaiectl: CommandLine) -> None:
    assert gaiectl.run("up", "-d").returncode == 0
    child = gaiectl.begin("test", "--check", "no-endpoints")
    state = gaiectl.home / "local" / "default" / "state.json"
    while child.poll() is None and not json.loads(state.read_text())["killed"]:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)

    assert child.returncode == 130
    assert gaiectl.run("status").returncode == 0


@pytest.mark.slow
def test_a_stack_that_does_not_start_is_a_failure_in_every_report(
    gaiectl: CommandLine, tmp_path: Path
) -> None:
    xml = tmp_path / "report.xml"
    arguments = ("test", "--junit-file", str(xml), "-o", "json")
    done = gaiectl.run(*arguments, GAIECTL_ENVOY="/nowhere/envoy")

    assert done.returncode == 2
    assert outcomes(json.loads(done.stdout)) == {"stack": "failed"}
    assert ET.parse(xml).getroot()[0].get("failures") == "1"
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert gaiectl.leftovers() == []


def test_a_named_stack_that_does_not_run_is_not_replaced_by_another(gaiectl: CommandLine) -> None:
    done = gaiectl.run("test", "--name", "absent")

    assert done.returncode == 1
    assert "no stack 'absent' is running" in done.stderr
    assert "hint: gaiectl local up --name absent" in done.stderr


def test_a_misspelt_check_is_met_with_the_right_one(gaiectl: CommandLine) -> None:
    done = gaiectl.run("test", "--check", "completions")

    assert done.returncode == 2
    assert "did you mean completion?" in done.stderr
    assert done.stdout == ""


def test_a_report_that_could_not_be_written_is_told_before_anything_starts(
    gaiectl: CommandLine, tmp_path: Path
) -> None:
    done = gaiectl.run("test", "--junit-file", str(tmp_path / "none" / "report.xml"))

    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert "starting" not in done.stderr


def test_the_list_needs_no_stack(gaiectl: CommandLine) -> None:
    text = gaiectl.run("test", "--list")
    data = gaiectl.run("test", "--list", "-o", "json", "--check", "spread")

    assert text.returncode == 0
    assert all(check.id in text.stdout for check in ALL)
    assert [check["id"] for check in json.loads(data.stdout)] == ["spread"]
    assert gaiectl.leftovers() == []
