"""Charts that gaiectl hands out work with Helm alone."""

import subprocess
from pathlib import Path

import pytest

from gaiectl import documents
from gaiectl.helm.binary import Helm
from gaiectl.operations import charts

SELECTOR = ("--set", "inferencePool.modelServers.matchLabels.app=vllm")
NEEDED = {"gateway": (), "inferencepool": SELECTOR, "modelservice": (), "standalone": SELECTOR}
"""What is to be set of each chart."""

each_chart = pytest.mark.parametrize("name", NEEDED)


def run(helm: Helm, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([helm.path, *words], capture_output=True, text=True, check=False)


def rendered(helm: Helm, chart: Path, name: str) -> list[documents.Document]:
    done = run(helm, "template", "rel", chart, "--namespace", "ns", *NEEDED[name])
    assert done.returncode == 0, done.stderr
    return documents.load(done.stdout)


@each_chart
def test_an_exported_chart_is_ready_and_stays_so_after_a_dependency_update(
    name: str, helm: Helm, tmp_path: Path
) -> None:
    charts.export(tmp_path)
    before = rendered(helm, tmp_path / name, name)
    updated = run(helm, "dependency", "update", tmp_path / name)

    assert before
    assert updated.returncode == 0, updated.stderr
    assert rendered(helm, tmp_path / name, name) == before


@each_chart
def test_a_packed_chart_renders_what_the_folder_renders(
    name: str, helm: Helm, tmp_path: Path
) -> None:
    (folder,) = charts.export(tmp_path / "folders", [name])
    (archive,) = charts.package(tmp_path / "dist", helm, [name])

    assert archive.name.startswith(f"{name}-")
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert rendered(helm, archive, name) == rendered(helm, folder, name)


def test_every_chart_can_be_packed_twice(helm: Helm, tmp_path: Path) -> None:
    first = charts.package(tmp_path, helm)

    assert charts.package(tmp_path, helm) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(one.name for one in first)


@each_chart
def test_helm_lint_finds_nothing(name: str, helm: Helm, tmp_path: Path) -> None:
    (folder,) = charts.export(tmp_path, [name])
    done = run(helm, "lint", "--strict", folder, *NEEDED[name])

    assert done.returncode == 0, done.stdout + done.stderr
