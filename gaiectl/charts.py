"""The charts that come with gaiectl, and a user's own.

In the tree every chart stands alone: the library they share is kept once. Helm wants it inside each
chart that uses it, so a chart is completed before Helm sees it.
"""

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
        chart: name of one of ours; ``target/<name>`` is then made of links to it and its library.
            Or the path of a user's chart, a folder or an archive, which is used where it is.
        target: an existing folder.

    Raises:
        GaieError: there is no such chart.
    """
    if not is_bundled(chart):
        return _users_chart(chart)
    # Links, because every render does this: copying the files takes as long as half of Helm's work.
    complete_chart = target / chart
    complete_chart.mkdir()
    for entry in source(chart).iterdir():
        (complete_chart / entry.name).symlink_to(entry)
    if needs_library(chart):
        (complete_chart / "charts").mkdir()
        (complete_chart / "charts" / LIBRARY).symlink_to(folder("charts") / LIBRARY)
    return complete_chart


def copy(chart: str, target: Path) -> Path:
    """Copy one of our charts, with the library it needs, to ``target/<name>``; return that.

    Raises:
        UsageError: we have no such chart.
    """
    complete_chart = shutil.copytree(source(chart), target / chart, copy_function=shutil.copyfile)
    if needs_library(chart):
        copy_library(complete_chart / "charts" / LIBRARY)
    return complete_chart


def copy_library(target: Path) -> None:
    """Copy the library to a folder that does not exist yet."""
    shutil.copytree(folder("charts") / LIBRARY, target, copy_function=shutil.copyfile)


def needs_library(chart: str) -> bool:
    """Tell whether one of our charts depends on the library."""
    return f"name: {LIBRARY}" in (source(chart) / _METADATA).read_text(encoding="utf-8")


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
