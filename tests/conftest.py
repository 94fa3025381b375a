"""What all tests share."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from gaiectl import charts
from gaiectl.errors import GaieError
from gaiectl.tools import catalogue, installing
from gaiectl.tools.catalogue import Tool
from machine import helmfile_program
from machine.programs import Missing

# The time of an example says more about the machine than about the code; and a run that decides
# over a change shall decide the same again.
settings.register_profile("gaiectl", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("gaiectl")

# A shell's job in the background ignores Ctrl-C, and so would what tests start to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_BUILD_SECONDS = 3600

Require = Callable[[str, str], NoReturn]
RunHelm = Callable[..., subprocess.CompletedProcess[str]]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run folders on all cores, and single files here: it starts at once, and prints and debugs."""
    paths = [Path(argument.partition("::")[0]) for argument in config.args]
    return 0 if all(path.is_file() for path in paths) else None


@pytest.fixture(scope="session")
def require() -> Require:
    """Give up on a test whose real part is missing: ``require("wrk", "wrk is not in PATH")``.

    The test is skipped with the reason, or fails when ``GAIECTL_REQUIRE`` (names separated by
    commas) says that this part must be there.
    """

    def give_up(name: str, reason: str) -> NoReturn:
        required = os.environ.get("GAIECTL_REQUIRE", "").replace(",", " ").split()
        if name in required:
            pytest.fail(f"{reason} (GAIECTL_REQUIRE names {name})", pytrace=False)
        pytest.skip(reason)

    return give_up


@pytest.fixture(scope="session")
def complete_charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a copy of each application chart that holds its library, as Helm wants it."""
    folder = tmp_path_factory.mktemp("charts")
    for chart in filter(charts.needs_library, charts.names()):
        charts.copy(chart, folder)
    return folder


@pytest.fixture(scope="session")
def run_helm(complete_charts: Path, tmp_path_factory: pytest.TempPathFactory) -> RunHelm:
    """Run Helm without cluster and configuration: ``run_helm(helm4, words, folder=cwd)``.

    The third word of ``template REL CHART ...`` or ``install REL CHART ...`` is the name of one of
    our charts.
    """
    home = tmp_path_factory.mktemp("helm")
    environment = {"HOME": str(home), "PATH": "", "KUBECONFIG": str(home / "no-kubeconfig")}

    def run(
        helm: Path, words: Sequence[str], *, folder: Path = home, charts: Path = complete_charts
    ) -> subprocess.CompletedProcess[str]:
        verb, release, chart, *rest = words
        return subprocess.run(
            [helm, verb, release, charts / chart, *rest],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


def _program(tool: Tool, require: Require) -> Path:
    """Return a tool in the version we pin, from our cache; fetches it there once per machine."""
    try:
        (*_, one) = installing.install([tool], lambda _step: None)
    except GaieError as error:
        require(tool.program, error.message)
    return one.path


@pytest.fixture(scope="session")
def helm3(require: Require) -> Path:
    """Helm 3, the oldest that charts have to work with."""
    return _program(catalogue.HELM3, require)


@pytest.fixture(scope="session")
def helm4(require: Require) -> Path:
    """Helm 4, what ``gaiectl tools install helm`` brings."""
    return _program(catalogue.HELM, require)


@pytest.fixture(scope="session")
def helmfile(require: Require) -> Path:
    """Helmfile 0.166, the oldest that helmfiles have to work with, and with Helm 3 only."""
    return _program(catalogue.HELMFILE, require)


@pytest.fixture(scope="session")
def helmfile1(require: Require) -> Path:
    """Helmfile 1.x; built with Go, once per machine."""
    try:
        return helmfile_program.find()
    except Missing as error:
        require("helmfile", f"no helmfile 1.x: {error}")


@pytest.fixture(
    params=[
        pytest.param(("helmfile", "helm3"), id="helmfile-0-helm-3"),
        *(
            pytest.param(
                ("helmfile1", helm),
                id=f"helmfile-1-helm-{helm[-1]}",
                marks=[pytest.mark.long, pytest.mark.timeout(_BUILD_SECONDS)],
            )
            for helm in ("helm3", "helm4")
        ),
    ]
)
def helmfile_with_helm(request: pytest.FixtureRequest) -> list[object]:
    """The beginning of a helmfile command, for each pair of helmfile and Helm that works."""
    helmfile, helm = (request.getfixturevalue(name) for name in request.param)
    return [helmfile, "--helm-binary", helm]


@pytest.fixture(scope="session")
def kubectl(require: Require) -> Path:
    """The kubectl that our cache holds."""
    return _program(catalogue.KUBECTL, require)


@pytest.fixture(scope="session")
def console_scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our programs, made as an installer makes them from ``pyproject.toml``."""
    folder = tmp_path_factory.mktemp("bin")
    project = Path(__file__).parent.parent / "pyproject.toml"
    for name, target in tomllib.loads(project.read_text())["project"]["scripts"].items():
        module, _, function = target.partition(":")
        script = folder / name
        script.write_text(
            f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\n"
            f"sys.exit({function}())\n"
        )
        script.chmod(0o755)
    return folder
