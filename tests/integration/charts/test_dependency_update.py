"""The charts of a clone, as guides have them installed: Helm fetches the library itself."""

import shutil
from pathlib import Path
from typing import Any

import pytest

CHARTS = Path(__file__).resolve().parents[3] / "charts"


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
@pytest.mark.parametrize("chart", ["gateway", "inferencepool", "modelservice", "standalone"])
def test_a_clone_is_installed_with_dependency_update(
    request: pytest.FixtureRequest, run_helm: Any, tmp_path: Path, helm: str, chart: str
) -> None:
    for name in (chart, "epplib"):
        shutil.copytree(CHARTS / name, tmp_path / name)
    selector = ("--set", "inferencePool.modelServers.matchLabels.app=a")
    needed = selector if chart in ("inferencepool", "standalone") else ()

    done = run_helm(
        request.getfixturevalue(helm),
        ("template", "rel", chart, *needed, "--dependency-update"),
        charts=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert "kind: " in done.stdout
