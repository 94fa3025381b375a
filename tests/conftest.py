"""What all tests share."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

# The time of an example says more about the machine than about the code; and a run that decides
# over a change shall decide the same again.
settings.register_profile("gaiectl", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("gaiectl")

Require = Callable[[str, str], NoReturn]
RunHelm = Callable[..., subprocess.CompletedProcess[str]]

CHARTS = Path(__file__).resolve().parents[1] / "charts"


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
    for chart in ("inferencepool", "standalone"):
        shutil.copytree(CHARTS / chart, folder / chart)
        shutil.copytree(CHARTS / "epplib", folder / chart / "charts" / "epplib")
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
            timeout=60,
        )

    return run
