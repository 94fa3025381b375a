"""Build the image of EPP and simulator with an engine of this machine."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gaiectl.containers import source
from gaiectl.containers.engine import Command, Engine
from gaiectl.containers.hints import BUILDING
from gaiectl.containers.running import Tell, run
from gaiectl.errors import GaieError, UsageError
from gaiectl.operations import own_folder

_SBOM = "sbom.cdx.json"
_RECORD = ".gaiectl-context"
"""In a context: the names of the files that we wrote there."""


class Build(NamedTuple):
    """What is to be built.

    Attributes:
        tag: full name of the image.
        version: of gaiectl, for the image's labels.
        base: image that the result stands on; empty is the Containerfile's.
        builder: image that it is built in; empty is the base's, or else the Containerfile's.
        is_compiled: whether the EPP's hot path becomes machine code.
        sbom: file that the bill of materials goes to as well; None is the image only.
        flags: for the engine, as they are.
    """

    tag: str
    version: str
    base: str = ""
    builder: str = ""
    is_compiled: bool = True
    sbom: Path | None = None
    flags: Sequence[str] = ()


def commands(engine: Engine, build: Build, context: Path, exported: Path) -> list[Command]:
    """Return what builds the image from a context, and writes the bill of materials.

    Args:
        engine: whose commands.
        build: what is wanted.
        context: as ``write_context`` wrote it.
        exported: a folder for the bill of materials, if it is wanted beside the image.
    """
    arguments = {"VERSION": build.version, "COMPILED": "1" if build.is_compiled else "0"}
    if build.base:
        arguments["BASE_IMAGE"] = build.base
    if build.builder or build.base:
        arguments["BUILD_IMAGE"] = build.builder or build.base
    file = context / source.CONTAINERFILE
    found = [engine.build(context, file, arguments, *build.flags, "--tag", build.tag)]
    if build.sbom is not None:  # another target of the same stages, which are not built again
        target = ("--target", "sbom", "--output", f"type=local,dest={exported}")
        found.append(engine.build(context, file, arguments, *build.flags, *target))
    return found


class Seen(NamedTuple):
    """What an image turns out to be.

    Attributes:
        size: with its unit; empty if the engine does not tell.
        seconds: from the start of its EPP until it serves; None if that is not known.
        trouble: why it is not.
    """

    size: str
    seconds: float | None = None
    trouble: str = ""


def look(engine: Engine, image: str, *, starts: bool) -> Seen:
    """Return what an image of ours is like; it is started once, in a container without a network.

    Args:
        engine: that has it; buildah starts none.
        image: its name.
        starts: it may be started.
    """
    size = _last_line(engine.size(image))[0]
    starting = engine.start(image) if starts else None
    if starting is None:
        return Seen(size)
    line, trouble = _last_line(starting)
    try:
        return Seen(size, float(line))
    except ValueError:
        return Seen(size, trouble=trouble or line or "it says nothing")


def _last_line(command: Command) -> tuple[str, str]:
    """Return the last line that a command says; if it fails, that is the second."""
    lines: list[str] = [""]
    try:
        run(command, lines.append, doing="tell", hints={})
    except GaieError as error:
        return "", lines[-1] or error.message
    return lines[-1], ""


def write_context(folder: Path) -> None:
    """Write what the image is built from; of an earlier one nothing stays that is no longer so.

    Raises:
        Refused: the folder is somebody else's, a checkout for example.
    """
    own_folder.write(source.texts(), folder, _RECORD, option="--context")


def build_image(engine: Engine, build: Build, tell: Tell, *, context: Path | None = None) -> None:
    """Build it.

    Args:
        engine: what builds it.
        build: what is wanted.
        tell: gets each line that the engine says.
        context: folder that is built from and stays; None is one that goes afterwards.

    Raises:
        UsageError: there is no folder for the bill of materials.
        GaieError: the engine could not; the hint says what it needs.
    """
    if build.sbom is not None and not build.sbom.absolute().parent.is_dir():
        raise UsageError(
            f"--sbom {build.sbom}: there is no folder {build.sbom.absolute().parent}",
            hint="make it, or name a file somewhere else",
        )
    with _folder(context) as folder, tempfile.TemporaryDirectory(prefix="gaiectl-") as exported:
        write_context(folder)
        for command in commands(engine, build, folder, Path(exported)):
            run(command, tell, doing=f"build {build.tag}", hints=BUILDING)
        if build.sbom is not None:
            build.sbom.write_bytes(_read(Path(exported, _SBOM), engine))


def _read(written: Path, engine: Engine) -> bytes:
    try:
        return written.read_bytes()
    except FileNotFoundError:
        raise GaieError(
            f"{engine.program} wrote no bill of materials",
            hint=f"it is in the image too, at /opt/gaiectl/{_SBOM}",
        ) from None


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="gaiectl-image-") as made:
        yield Path(made)
