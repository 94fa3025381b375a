"""gaiectl with the real Helm."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gaiectl(helm3: Path) -> Run:
    """Run gaiectl: ``gaiectl("export", ...)``; a failure raises unless ``check`` is false."""

    def run(*words: object, check: bool = True) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gaiectl", *map(str, words), "--helm", str(helm3)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0 or not check, done.stderr
        return done

    return run
