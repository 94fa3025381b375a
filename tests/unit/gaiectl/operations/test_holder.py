"""Who works on a stack, told by one process and understood by another."""

import subprocess
import sys

import pytest

from gaiectl.operations.holder import Holder, this

_TELLS = "from gaiectl.operations.holder import this; print(this().process)"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells processes apart")
def test_a_process_of_this_machine_is_gone_when_it_has_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TELLS], capture_output=True, text=True, check=True
    )
    assert Holder("they", done.stdout.strip()).is_gone
    assert not this().is_gone


@pytest.mark.parametrize("process", ["", "nonsense", "elsewhere/pid:[1] 1 1", "a b c d", " 1 1"])
def test_what_may_still_run_elsewhere_is_not_gone(process: str) -> None:
    assert not Holder("somebody", process).is_gone
