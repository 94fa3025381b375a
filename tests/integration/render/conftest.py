"""gaiectl as users have it: by its name in PATH, beside the real Helm."""

import os
import shlex
import sys
from pathlib import Path

import pytest


@pytest.fixture
def shell(helm4: Path, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a shell that finds gaiectl and helm, and no user's settings."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "helm").symlink_to(helm4)
    gaiectl = programs / "gaiectl"
    gaiectl.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m gaiectl "$@"\n')
    gaiectl.chmod(0o755)
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "GAIECTL_HELM": ""}
