"""The transport's benchmark runs; no speed is asserted."""

import subprocess
import sys
from pathlib import Path


def test_it_prints_a_line_for_each_shape_of_load() -> None:
    program = Path(__file__).with_name("transport_micro.py")

    done = subprocess.run(
        [sys.executable, program, "--streams", "80"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 5
