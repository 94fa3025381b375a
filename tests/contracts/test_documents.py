"""What the documents say is true, as far as a program can tell."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "LICENSE",
    "README.md",
    "charts",
    "epp",
    "gaiectl",
    "helmfiles",
    "pyproject.toml",
    "templates",
    "tests",
}
DOCUMENTS = [
    "README.md",
    ".github/CONTRIBUTING.md",
    "epp/ARCHITECTURE.md",
    "gaiectl/ARCHITECTURE.md",
]
# `epp/transport/limits.py`, `templates/envoy/`: a path from the root, as written in the documents.
PATH = re.compile(r"`((?:epp|gaiectl|tests|templates|\.ci|\.github)/[^`\s<>*]*)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(PATH.findall(text)) | set(LINK.findall(text))

    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("package", ["epp", "gaiectl"])
def test_the_architecture_page_maps_every_package(package: str) -> None:
    text = (ROOT / package / "ARCHITECTURE.md").read_text()
    packages = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}

    assert [name for name in sorted(packages) if f"`{name}`" not in text] == []


def test_the_top_level_stays_as_it_is() -> None:
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    built = {"build", "dist", "gaiectl.egg-info"}

    assert visible - built - TOP_LEVEL == set()


def test_the_readme_has_one_line_to_run_and_one_to_test() -> None:
    lines = [
        line
        for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith("python3 -m venv")
    ]

    assert [line.rsplit("/", 1)[-1] for line in lines] == ["gaiectl local up", "pytest"]
