"""The benchmarks of the prefix caches run; no speed is asserted."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("name", "lines"), [("kvevents.py", 11), ("prefix_caches.py", 7)])
def test_it_prints_a_line_for_each_figure(name: str, lines: int) -> None:
    program = Path(__file__).with_name(name)

    done = subprocess.run(
        [sys.executable, program, "--quick"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == lines
