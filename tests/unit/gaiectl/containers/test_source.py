"""What an image is built from, taken from a checkout and from an installed wheel."""

import shutil
from pathlib import Path

import pytest

from gaiectl.containers import source
from gaiectl.errors import GaieError

ROOT = Path(__file__).resolve().parents[4]
FILES = ("pyproject.toml", "README.md", "LICENSE", "epp/Containerfile", "epp/requirements.lock")
FOLDERS = (
    "templates/envoy",
    "charts/standalone",
    "helmfiles/inference-scheduling",
    "gaiectl/cli",
    "epp/server",
)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The layout of an installed wheel; returns its package."""
    installed = tmp_path / "site-packages"
    for name in ("gaiectl", "epp"):
        shutil.copytree(ROOT / name, installed / name, ignore=shutil.ignore_patterns("__pycache__"))
    data = installed / "gaiectl" / "_data"
    for name in ("templates", "charts", "helmfiles"):
        shutil.copytree(ROOT / name, data / name)
    (data / "project").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, data / "project" / name)
    (installed / "epp" / "compiled.cpython-311-x86_64-linux-gnu.so").touch()
    (installed / "epp" / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1\xff")
    return installed / "gaiectl"


def test_a_wheel_and_a_checkout_give_an_engine_the_same_files(wheel: Path) -> None:
    written = source.texts(wheel)

    assert written == source.texts()
    assert set(FILES) <= written.keys()
    assert all(any(name.startswith(f"{folder}/") for name in written) for folder in FOLDERS)
    assert not any(name.endswith(".so") or "__pycache__" in name for name in written)


def test_the_containerfile_copies_what_is_written_and_a_checkout_lets_through_the_same() -> None:
    text = (ROOT / source.CONTAINERFILE).read_text()
    copied = {
        word
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    let_through = (ROOT / ".containerignore").read_text().splitlines()

    assert {word.partition("/")[0] for word in copied} == {
        line.removeprefix("!") for line in let_through if line.startswith("!")
    }


def test_a_wheel_that_lacks_its_source_says_so(wheel: Path) -> None:
    shutil.rmtree(wheel / "_data" / "project")

    with pytest.raises(GaieError, match="has no project") as incomplete:
        source.texts(wheel)
    assert "pip install" in incomplete.value.hint
