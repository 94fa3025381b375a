"""A short run of the frame fuzzer; the long one is ``python tests/fuzz/frames.py``."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("frames.py")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 20, 300])
def test_random_frames_crash_nothing_and_leave_nothing(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--frames", "40000", "--seed", str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "no crash, nothing left" in done.stdout
