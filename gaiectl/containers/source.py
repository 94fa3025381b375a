"""What an image is built from: the source of the gaiectl that runs.

A wheel holds its own source (the modules, the data folders, ``pyproject.toml``), so a build from an
installed gaiectl and one from a checkout have the same context, and the image has the version, and
the patches, of whoever builds it. Compiled modules stay behind: the image's Python is another one.
"""

import shutil
from pathlib import Path

from gaiectl import assets

CONTAINERFILE = "epp/Containerfile"
"""Below the context."""

_PACKAGE = Path(assets.__file__).resolve().parent
_PROJECT = ("pyproject.toml", "README.md", "LICENSE")
_DATA = ("templates", "charts", "helmfiles")
_PACKAGES = ("gaiectl", "epp")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.so", "_data")


def write(folder: Path, package: Path = _PACKAGE) -> None:
    """Write the context of the image into a folder, which is made if need be.

    Args:
        folder: where to; files of an earlier context are overwritten.
        package: the folder of the ``gaiectl`` package.

    Raises:
        GaieError: the installation is incomplete.
        OSError: the folder cannot be written.
    """
    root = package.parent
    is_checkout = (root / "pyproject.toml").is_file()
    project = root if is_checkout else assets.folder("project", package)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROJECT:
        shutil.copyfile(project / name, folder / name)
    for name in _DATA:
        _copy(assets.folder(name, package), folder / name)
    for name in _PACKAGES:
        _copy(root / name, folder / name)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
