"""What an export says to do next works on the machine it is said on."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_next_command_is_one_that_works_here(
    helmfile: Path, helm3: Path, helm4: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "deploy"

    said = {
        helm: _exported(folder, GAIECTL_HELMFILE=helmfile, GAIECTL_HELM=helm, GAIECTL_HELM3=helm3)
        for helm in (helm3, helm4)
    }

    call = f"{helmfile} --helm-binary {helm3}"
    assert said[helm3].endswith(f" files written to {folder}; there: {call} sync\n")
    assert "does not work with helm 4" in said[helm4]
    assert f"give it Helm 3: {call}\n" in said[helm4]
    assert "does not work" not in said[helm3]


def _exported(folder: Path, **programs: Path) -> str:
    """Export a stack and return what is said of it."""
    environment = {**os.environ, **{name: str(path) for name, path in programs.items()}}
    command = [sys.executable, "-m", "gaiectl", "export", "helmfile"]
    command += ["standalone", "--selector", "app=vllm", "--output-dir", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr
