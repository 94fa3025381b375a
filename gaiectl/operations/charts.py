"""What a user does with the charts alone: look at them, take them elsewhere."""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gaiectl import charts
from gaiectl.errors import GaieError, Refused
from gaiectl.helm.binary import Helm

RECORD = ".gaiectl-charts.json"
"""In an export's folder: the sha256 of every file that we wrote there."""

_HELMS_OWN = re.compile(rf"Chart\.lock|charts/{charts.LIBRARY}-.*\.tgz")
"""What ``helm dependency update`` writes into a chart, and writes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One of our charts, as its Chart.yaml describes it."""

    name: str
    version: str
    app_version: str
    description: str


def describe() -> list[Chart]:
    """Return our charts, sorted by name."""
    found = []
    for name in charts.names():
        metadata = yaml.safe_load((charts.source(name) / "Chart.yaml").read_text(encoding="utf-8"))
        found.append(
            Chart(
                name=name,
                version=str(metadata["version"]),
                app_version=str(metadata.get("appVersion", "")),
                description=str(metadata.get("description", "")),
            )
        )
    return found


def values(chart: str) -> str:
    """Return a chart's values.yaml, comments included; empty when it has no values.

    Raises:
        UsageError: we have no such chart.
    """
    path = charts.source(chart) / "values.yaml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def texts(chart: str) -> dict[str, str]:
    """Return the files of a complete chart by their paths below it.

    Raises:
        UsageError: we have no such chart.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = charts.copy(chart, Path(scratch))
        files = (file for file in sorted(folder.rglob("*")) if file.is_file())
        return {
            file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files
        }


def export(target: Path, wanted: Sequence[str] = (), *, force: bool = False) -> list[Path]:
    """Write complete charts to a folder, for Helm, helmfile or a GitOps repository.

    Each is ready to be installed. The library stands beside them too, where ``helm dependency
    update`` looks for it. All charts are written, or none.

    Args:
        target: is made when it is missing; other things in it are left alone.
        wanted: names of charts; all when there are none.
        force: replace charts that are not as we wrote them.

    Returns:
        The charts' folders.

    Raises:
        UsageError: we have no such chart.
        Refused: a chart's folder holds what we did not write.
    """
    names = list(dict.fromkeys(wanted)) or charts.names()
    for name in names:
        charts.source(name)
    target.mkdir(parents=True, exist_ok=True)
    record = _read_record(target)
    with tempfile.TemporaryDirectory(dir=target, prefix=".gaiectl-") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        old.mkdir()
        for name in names:
            charts.copy(name, new)
        if any(charts.needs_library(name) for name in names):
            charts.copy_library(new / charts.LIBRARY)
        written = sorted(folder.name for folder in new.iterdir())
        if not force:
            _refuse_foreign(target, written, record)
        _write_record(new, record | {name: _hashes(new / name) for name in written})
        _exchange([*written, RECORD], new=new, old=old, target=target)
    return [target / name for name in names]


def package(target: Path, helm: Helm, wanted: Sequence[str] = ()) -> list[Path]:
    """Write charts as archives, for a chart repository or an OCI registry.

    Args:
        target: is made when it is missing; an archive of the same name and version is replaced.
        helm: packs them.
        wanted: names of charts; all when there are none.

    Returns:
        The archives.

    Raises:
        UsageError: we have no such chart.
        HelmFailed: helm cannot pack it.
    """
    names = list(dict.fromkeys(wanted)) or charts.names()
    for name in names:
        charts.source(name)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".gaiectl-") as scratch:
        folder = Path(scratch)
        archives = [helm.package(charts.copy(name, folder), folder) for name in names]
        return [archive.replace(target / archive.name) for archive in archives]


def _refuse_foreign(target: Path, names: Sequence[str], record: dict[str, Any]) -> None:
    """Raise when a folder that we would replace is not as we wrote it."""
    foreign: list[str] = []
    for name in names:
        folder = target / name
        if folder.is_dir() and not folder.is_symlink():
            known = record.get(name, {})
            there = _hashes(folder)
            foreign += [
                f"{name}/{file}"
                for file in there
                if there[file] != known.get(file) and not _HELMS_OWN.fullmatch(file)
            ]
        elif folder.exists() or folder.is_symlink():
            foreign.append(name)
    if foreign:
        raise Refused(
            f"{len(foreign)} files in {target} would be lost: gaiectl did not write them, "
            "or they were changed",
            hint="move them away, choose another folder, or replace them with --force",
            detail="\n".join(sorted(foreign)[:10] + ["..."] * (len(foreign) > 10)),
        )


def _exchange(names: Sequence[str], *, new: Path, old: Path, target: Path) -> None:
    """Move what is new to its place; when one move fails, everything is as it was before."""
    with ExitStack() as undo:
        for name in names:
            place = target / name
            if place.exists() or place.is_symlink():
                place.rename(old / name)
                undo.callback((old / name).rename, place)
            (new / name).rename(place)
            undo.callback(place.rename, new / name)
        undo.pop_all()


def _hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below, by its path relative to the folder."""
    return dict(sorted(_hash_each(folder)))


def _hash_each(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield path.relative_to(folder).as_posix(), digest


def _read_record(target: Path) -> dict[str, Any]:
    try:
        record = json.loads((target / RECORD).read_text(encoding="utf-8"))
        return dict(record["charts"])
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise GaieError(
            f"{target / RECORD} is damaged: {error}",
            hint="delete it; then the charts beside it can be replaced with --force only",
        ) from error


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    text = json.dumps({"charts": record}, indent=1, sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
