"""The benchmark of flow control runs; no speed is asserted, but that idle queues set no timer."""

import subprocess
import sys
from pathlib import Path


def test_it_prints_a_line_for_each_policy_and_size_of_the_pool() -> None:
    program = Path(__file__).with_name("flow_control.py")

    done = subprocess.run(
        [sys.executable, program, "--waiting", "300", "--rounds", "1"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2 + 6
