"""The command line against real parts, each test with a state directory of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG

from gaiectl.errors import GaieError
from gaiectl.local import envoy

# A busy machine may need longer than the 5 s that httpx waits for whom it is not told about.
for _phase in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, _phase, 60.0)


@dataclass
class CommandLine:
    """Runs gaiectl with a state directory of its own."""

    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "GAIECTL_STATE_HOME": str(self.home), "NO_COLOR": "1"}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "gaiectl", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(child)
        return child

    def up(self, *arguments: str) -> dict[str, Any]:
        done = self.run("local", "up", "-d", "-o", "json", *arguments)
        assert done.returncode == 0, done.stderr
        stack: dict[str, Any] = json.loads(done.stdout)
        return stack

    def up_in_foreground(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        child = self.begin("local", "up", "-o", "json", *arguments)
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line)
            if line == "}\n":
                return child, json.loads("".join(lines))
        raise AssertionError(child.communicate()[1])

    def status(self, *arguments: str) -> dict[str, Any]:
        stack: dict[str, Any] = json.loads(
            self.run("local", "status", "-o", "json", *arguments).stdout
        )
        return stack

    def processes(self) -> list[tuple[int, str]]:
        """Every process that was started below this state directory: id and command line."""
        marker = f"GAIECTL_STATE_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append((int(entry.name), line))
            except OSError:
                continue
        return found

    def leftovers(self) -> list[str]:
        """What a stack that was taken down must not leave: processes and files."""
        files = [str(path) for path in self.home.rglob("*")] if self.home.exists() else []
        return [line for _, line in self.processes()] + files

    def close(self) -> None:
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.communicate()
        self.run("local", "down", "--all", "--drain", "0s")


@pytest.fixture
def gaiectl(tmp_path: Path, real_envoy: str) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path / "state")
    yield command_line
    command_line.close()


@pytest.fixture(scope="session")
def real_envoy(require: Any) -> str:
    try:
        return envoy.find()
    except GaieError as error:
        require("envoy", error.message)
        raise


@pytest.fixture(scope="module")
def stack_maker(tmp_path_factory: pytest.TempPathFactory, real_envoy: str) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path_factory.mktemp("shared") / "state")
    yield command_line
    command_line.close()
