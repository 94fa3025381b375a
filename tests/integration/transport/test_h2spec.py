"""The conformance tests of h2spec: all of its cases pass, in the clear and over TLS."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from epp.transport import tls
from machine.programs import locked

MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
CASES = "145 tests, 145 passed, 0 skipped, 0 failed"


@pytest.fixture(scope="session")
def h2spec(require: Any) -> Path:
    """The program: GAIECTL_H2SPEC, or in PATH, or built once with Go into the user's cache."""
    given = os.environ.get("GAIECTL_H2SPEC") or shutil.which("h2spec")
    if given:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "gaiectl" / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "h2spec"
    with locked(folder / "h2spec.lock"):  # against the other workers of a test run
        if program.exists():
            return program
        go = shutil.which("go")
        if go is None:
            require("h2spec", "h2spec is not in PATH and there is no Go to build it")
        built = subprocess.run(
            [go, "install", MODULE],
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            check=False,
        )
    if built.returncode:
        require("h2spec", f"h2spec could not be built: {built.stderr.strip()[-500:]}")
    return program


@pytest.mark.slow
@pytest.mark.parametrize("encryption", ["h2c", "tls"])
def test_no_case_fails(h2spec: Path, start: Any, encryption: str) -> None:
    context = tls.self_signed() if encryption == "tls" else None
    server = start(tls=context)
    options = ["-t", "-k"] if context else []

    done = subprocess.run(
        [h2spec, "-h", "127.0.0.1", "-p", str(server.port), "-o", "30", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    assert CASES in done.stdout, done.stdout[done.stdout.find("Failures:") :]
    server.await_idle()
