"""Each plugin type, flag, metric and answer of the EPP has a test, and the table says which."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_everything_that_the_epp_offers_has_a_test() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "epp-coverage", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, f"see python .ci/epp-coverage --help\n{run.stdout}{run.stderr}"
