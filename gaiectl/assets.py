"""Where the data folders are: inside an installed wheel, or beside the package in a checkout."""

from pathlib import Path

from gaiectl.errors import GaieError

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str, package: Path = _PACKAGE) -> Path:
    """Return the folder of data called ``name``, for example ``templates``.

    Args:
        name: one of the project's data folders.
        package: the folder of the ``gaiectl`` package.

    Raises:
        GaieError: neither place has it: the installation is incomplete.
    """
    root = package.parent
    places = [package / "_data" / name]
    if (root / "pyproject.toml").is_file():
        places.append(root / name)
    for place in places:
        if place.is_dir():
            return place
    raise GaieError(
        f"this installation of gaiectl has no {name} (looked in {', '.join(map(str, places))})",
        hint="install gaiectl again: pip install --force-reinstall gaiectl",
    )
