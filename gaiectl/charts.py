"""The charts that come with gaiectl, and a user's own.

In the tree every chart stands alone: the library they share is kept once. Helm wants it inside each
chart that uses it, so a chart is completed before Helm sees it.
"""

import os
import shutil
from pathlib import Path

from gaiectl.assets import folder
from gaiectl.errors import GaieError, UsageError

LIBRARY = "epplib"
"""The chart that holds what the others share; it renders nothing by itself."""

_METADATA = "Chart.yaml"


def names() -> list[str]:
    """Return the names of the charts that can be rendered, sorted."""
    charts = folder("charts")
    found = (entry.name for entry in charts.iterdir() if (entry / _METADATA).is_file())
    return sorted(name for name in found if name != LIBRARY)


def is_bundled(chart: str) -> bool:
    """Tell whether this names one of our charts; anything else is the path of a user's chart."""
    return chart in names()


def source(chart: str) -> Path:
    """Return the folder of one of our charts, without the library it needs.

    Raises:
        UsageError: we have no such chart.
    """
    if not is_bundled(chart):
        raise UsageError(
            f"{chart!r} is none of gaiectl's charts", hint=f"choose from {', '.join(names())}"
        )
    return folder("charts") / chart


def complete(chart: str, target: Path) -> Path:
    """Return a chart that Helm accepts.

    Args:
        chart: name of one of ours, copied with its library to ``target/<name>``; or the path of a
            user's chart, a folder or an archive, which is used where it is.
        target: an existing folder.

    Raises:
        GaieError: there is no such chart.
    """
    if not is_bundled(chart):
        return _users_chart(chart)
    copy = target / chart
    _copy(source(chart), copy)
    if needs_library(chart):
        copy_library(copy / "charts" / LIBRARY)
    return copy


def copy_library(target: Path) -> None:
    """Copy the library to a folder that does not exist yet."""
    _copy(folder("charts") / LIBRARY, target)


def needs_library(chart: str) -> bool:
    """Tell whether one of our charts depends on the library."""
    text = (folder("charts") / chart / _METADATA).read_text(encoding="utf-8")
    return f"name: {LIBRARY}" in text


def _users_chart(chart: str) -> Path:
    path = Path(chart)
    if not path.exists():
        raise GaieError(
            f"chart {chart}: no such file or folder",
            hint=f"correct the path, or name one of gaiectl's charts: {', '.join(names())}",
        )
    if path.is_dir() and not (path / _METADATA).is_file():
        raise GaieError(
            f"chart {chart}: the folder holds no {_METADATA}",
            hint="name the folder of the chart itself, not one above or below it",
        )
    return path.absolute()


def _copy(original: Path, copy: Path) -> None:
    """Copy a folder's files; several times as fast as ``shutil.copytree``, which asks for more."""
    copy.mkdir(parents=True)
    with os.scandir(original) as entries:
        for entry in entries:
            if entry.is_dir():
                _copy(Path(entry.path), copy / entry.name)
            else:
                shutil.copyfile(entry.path, copy / entry.name)
