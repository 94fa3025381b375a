"""The charts as dependencies of a chart of the user's."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import load

RunHelm = Callable[..., subprocess.CompletedProcess[str]]

POOL = {"inferencePool": {"modelServers": {"matchLabels": {"app": "a"}}}}
VALUES: dict[str, dict[str, Any]] = {
    "gateway": {"commonLabels": {"team": "search"}},
    "inferencepool": POOL,
    "modelservice": {"modelArtifacts": {"name": "mine"}},
    "standalone": POOL,
}
CHART_LABEL = "helm.sh/chart"


def umbrella(folder: Path, chart: Path, alias: str) -> Path:
    """Make a chart that depends on one of ours; return its folder."""
    shutil.copytree(chart, folder / "umbrella" / "charts" / chart.name)
    about = {
        "apiVersion": "v2",
        "name": "umbrella",
        "version": "1.0.0",
        "dependencies": [
            {
                "name": chart.name,
                "version": "0.1.0",
                "alias": alias,
                "condition": f"{alias}.enabled",
            }
        ],
    }
    values = {"global": {"team": "search"}, alias: {**VALUES[chart.name], "enabled": True}}
    (folder / "umbrella" / "Chart.yaml").write_text(yaml.safe_dump(about))
    (folder / "umbrella" / "values.yaml").write_text(yaml.safe_dump(values))
    return folder


def without_chart_label(text: str) -> list[dict[str, Any]]:
    documents = load(text)
    for document in documents:
        document["metadata"]["labels"].pop(CHART_LABEL)
    return sorted(documents, key=str)


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> Path:
    program: Path = request.getfixturevalue(request.param)
    return program


@pytest.mark.parametrize("name", VALUES)
def test_a_chart_renders_the_same_under_an_alias_and_a_condition(
    run_helm: RunHelm, helm: Path, complete_charts: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(VALUES[name]))
    alone = run_helm(helm, ["template", "rel", name, "--values", str(tmp_path / "values.yaml")])
    charts = umbrella(tmp_path, complete_charts / name, alias="front")

    below = run_helm(helm, ["template", "rel", "umbrella"], charts=charts)

    assert below.returncode == 0, below.stderr
    assert without_chart_label(below.stdout) == without_chart_label(alone.stdout)
