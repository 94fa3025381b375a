"""What an image is built from: the source of the gaiectl that runs.

A wheel holds its own source (the modules, the data folders, ``pyproject.toml``), so a build from an
installed gaiectl and one from a checkout have the same context, and the image has the version, and
the patches, of whoever builds it. Compiled modules stay behind: the image's Python is another one.
"""

from pathlib import Path

from gaiectl import assets

CONTAINERFILE = "epp/Containerfile"
"""Below the context."""

_PACKAGE = Path(assets.__file__).resolve().parent
_PROJECT = ("pyproject.toml", "README.md", "LICENSE")
_DATA = ("templates", "charts", "helmfiles")
_PACKAGES = ("gaiectl", "epp")
_LEFT_OUT = ("__pycache__", "_data")
_COMPILED = ".so"


def texts(package: Path = _PACKAGE) -> dict[str, str]:
    """Return the files of the image's context, by their paths in it.

    What is no text was put beside them by an editor or a desktop.

    Args:
        package: the folder of the ``gaiectl`` package.

    Raises:
        GaieError: the installation is incomplete.
        OSError: a file cannot be read.
    """
    root = package.parent
    is_checkout = (root / "pyproject.toml").is_file()
    project = root if is_checkout else assets.folder("project", package)
    found = {name: project / name for name in _PROJECT}
    for name in _DATA:
        found |= _below(assets.folder(name, package), name)
    for name in _PACKAGES:
        found |= _below(root / name, name)
    read = ((name, _text(file)) for name, file in found.items())
    return {name: text for name, text in read if text is not None}


def _text(file: Path) -> str | None:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        return None


def _below(folder: Path, name: str) -> dict[str, Path]:
    return {
        f"{name}/{file.relative_to(folder).as_posix()}": file
        for file in folder.rglob("*")
        if file.is_file()
        and file.suffix != _COMPILED
        and not set(_LEFT_OUT).intersection(file.relative_to(folder).parts)
    }
