"""The benchmarks run and their figures make sense; no speed is asserted."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

_RUN = Path(__file__).parent / "run.py"


@pytest.fixture(scope="module")
def needs_parts(require: Any) -> None:
    if not Path("/proc/self/stat").exists():
        require("linux", "the benchmarks read /proc")
    if shutil.which("wrk") is None:
        require("wrk", "wrk is not on PATH")


@pytest.fixture(scope="module")
def told(needs_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("parts")
    done = subprocess.run(
        [sys.executable, str(_RUN), "--quick", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "TMPDIR": str(folder)},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.iterdir()) == []
    return json.loads(done.stdout)


def test_every_case_produces_figures(told: Any) -> None:
    assert {figure["case"] for figure in told["figures"]} == {1, 2, 3, 4, 5, 6}
    assert len({(figure["case"], figure["key"]) for figure in told["figures"]}) == len(
        told["figures"]
    )


def test_every_figure_is_a_positive_number(told: Any) -> None:
    # CPU is counted in ticks of 10 ms: a short measurement may see none.
    may_be_zero = {"cores_idle", "cores_busy", "epp_ms_buffered", "epp_ms_duplex"}
    for figure in told["figures"]:
        for value in figure["runs"]:
            assert math.isfinite(value), figure
            assert value > 0 or (value == 0 and figure["key"] in may_be_zero), figure


def test_every_case_but_the_explanations_has_a_verdict(told: Any) -> None:
    judged = {figure["case"] for figure in told["figures"] if figure["met"] is not None}

    assert judged == {1, 2, 3, 4, 5, 6}


def test_the_machine_is_described(told: Any) -> None:
    assert set(told["machine"]) >= {"cores", "python", "envoy", "wrk"}
    assert "unknown" not in told["machine"].values()


def test_an_interrupted_run_leaves_nothing_behind(needs_parts: None, tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, str(_RUN), "--case", "3"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("benchmark-*/envoy-*.log")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)

    assert run.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []
    assert _processes_that_name(str(tmp_path)) == []


def _processes_that_name(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
