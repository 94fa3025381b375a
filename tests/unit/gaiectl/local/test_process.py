"""Children are started recorded, proved to be ours before any signal, and stopped in time."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gaiectl.local import process
from gaiectl.local.process import Process


def wait_until(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def sleeper(tmp_path: Path) -> Process:
    child = process.spawn(["sleep", "60"], log=tmp_path / "log", record=lambda _: None)
    yield child
    process.stop([child], grace_seconds=60)


def test_a_child_is_alive_until_it_is_stopped(sleeper: Process) -> None:
    assert process.is_alive(sleeper)
    assert process.stop([sleeper], grace_seconds=60) == []
    assert not process.is_alive(sleeper)


@pytest.mark.parametrize(
    "changes", [{"started": "another boot/1"}, {"started": ""}, {"argv": ("sleep", "61")}]
)
def test_a_process_that_is_not_the_recorded_one_is_never_signalled(
    sleeper: Process, changes: dict[str, object]
) -> None:
    stranger = replace(sleeper, **changes)
    # Until it has become the program, a process has others' arguments, and for a moment none.
    arguments = Path(f"/proc/{sleeper.pid}/cmdline")
    wait_until(lambda: arguments.read_bytes().split(b"\0") == [b"sleep", b"60", b""])

    assert not process.send(stranger, signal.SIGKILL)
    assert process.stop([stranger], grace_seconds=0) == []
    assert process.is_alive(sleeper)


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    child = process.spawn(["sh", "-c", "echo out; echo err >&2"], log=log, record=lambda _: None)
    wait_until(lambda: not process.is_alive(child))

    assert log.read_text() == "before\nout\nerr\n"


def test_nothing_runs_that_could_not_be_recorded(tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    seen: list[Process] = []

    def refuse(child: Process) -> None:
        seen.append(child)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        process.spawn(["touch", str(proof)], log=tmp_path / "log", record=refuse)
    wait_until(lambda: not process.is_alive(seen[0]))

    assert not proof.exists()


def test_a_child_whose_parent_died_before_recording_it_ends(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from gaiectl.local import process\n"
        "def die(child):\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "process.spawn(['sleep', '60'], log=pathlib.Path(sys.argv[1]), record=die)\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        check=False,
    )
    pid = int(died.stdout)

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]

    wait_until(gone)


def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    child = process.spawn(["sh", "-c", script], log=log, record=lambda _: None)
    wait_until(lambda: log.read_text() == "ready\n")

    assert process.stop([child], grace_seconds=0.1) == [child]
    assert not process.is_alive(child)


def test_a_scripts_interpreter_does_not_hide_it(tmp_path: Path) -> None:
    script = tmp_path / "epp"
    script.write_text("#!/bin/sh\necho ready; while :; do sleep 0.1; done\n")
    script.chmod(0o700)
    log = tmp_path / "log"
    child = process.spawn([str(script), "--port", "1"], log=log, record=lambda _: None)
    wait_until(lambda: log.exists() and log.read_text() == "ready\n")

    assert process.is_alive(child)
    assert process.stop([child], grace_seconds=60) == []
