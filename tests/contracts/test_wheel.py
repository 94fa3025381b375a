"""The wheel that users install, built as it is published: through the sdist."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def files_below(*folders: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_the_wheel_holds_both_packages_and_nothing_else(names: set[str]) -> None:
    code = {name for name in names if not name.startswith("gaiectl/_data/")}

    assert {name for name in code if ".dist-info/" not in name} == files_below("epp", "gaiectl")


@pytest.mark.slow
def test_the_wheel_holds_every_template_chart_and_helmfile_and_what_builds_it_again(
    names: set[str],
) -> None:
    data = {name.removeprefix("gaiectl/_data/") for name in names if "/_data/" in name}
    project = {f"project/{name}" for name in ("LICENSE", "README.md", "pyproject.toml")}

    assert data == files_below("templates", "charts", "helmfiles") | project


def test_every_module_that_can_be_compiled_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]

    assert [name for name in hook["include"] if not (ROOT / name.lstrip("/")).is_file()] == []


@pytest.mark.slow
def test_the_wheel_carries_the_licence(names: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in names)
