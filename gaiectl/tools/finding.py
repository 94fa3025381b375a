"""Finds a tool: the one the user names, the one in PATH, then the one we fetched."""

import os
import re
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from gaiectl.errors import GaieError
from gaiectl.tools.catalogue import Tool

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")


class ToolMissing(GaieError):
    """A program is not where it was looked for."""


class NotInstalled(ToolMissing):
    """A program that nobody named is neither in PATH nor in our cache."""


class Source(StrEnum):
    """Where a tool was found."""

    GIVEN = "given"
    PATH = "PATH"
    CACHE = "cache"


class Found(NamedTuple):
    """A tool on this machine."""

    tool: Tool
    path: Path
    source: Source


def cache_folder() -> Path:
    """Return the folder of the programs we fetched: in ``$XDG_CACHE_HOME``, or ``~/.cache``.

    Raises:
        NotInstalled: there is neither, as for the nameless users of some container platforms.
    """
    shared = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(shared) if shared.startswith("/") else Path.home() / ".cache"
    except RuntimeError:
        raise NotInstalled(
            "there is no folder for tools: this user has no home",
            hint="set XDG_CACHE_HOME to a folder that is yours, or have the tool in PATH",
        ) from None
    return cache / "gaiectl" / "tools"


def cached_path(tool: Tool) -> Path:
    """Return where the tool is when we fetched it, in the version that we know."""
    return cache_folder() / tool.program / tool.version / tool.program


def find(tool: Tool, given: Path | None = None) -> Found:
    """Return the tool to use.

    Args:
        tool: which one.
        given: the file, or the name in PATH, that the user wants; otherwise the tool's environment
            variable, PATH and our cache are asked in this order.

    Raises:
        NotInstalled: it is nowhere.
        ToolMissing: what the user named cannot be run.
    """
    wanted = str(given or os.environ.get(tool.variable, ""))
    if wanted:
        return Found(tool=tool, path=_named(tool, wanted), source=Source.GIVEN)
    if path := shutil.which(tool.name):
        return Found(tool=tool, path=Path(path), source=Source.PATH)
    cached = cached_path(tool)
    if is_program(cached):
        return Found(tool=tool, path=cached, source=Source.CACHE)
    raise NotInstalled(
        f"{tool.name} was not found: neither in PATH nor in {cache_folder()}",
        hint=f"gaiectl tools install {tool.name}",
    )


def is_program(path: Path) -> bool:
    """Tell whether the file is there and can be run."""
    return path.is_file() and os.access(path, os.X_OK)


def _named(tool: Tool, wanted: str) -> Path:
    path = Path(wanted).absolute()
    if is_program(path):
        return path
    if path.is_file():
        raise ToolMissing(f"{wanted} is not executable", hint=f"chmod +x {wanted}")
    if in_path := shutil.which(wanted):
        return Path(in_path)
    raise ToolMissing(
        f"{wanted}, named as {tool.name}, does not exist",
        hint=f"correct the option or {tool.variable}, or leave it out and run "
        f"gaiectl tools install {tool.name}",
    )


def version(found: Found) -> str:
    """Return the version that the program says it has, like ``4.3.1``.

    Raises:
        GaieError: it cannot be run, or says nothing like a version.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the program the user chose, our own arguments
            [found.path, *found.tool.ask_version],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=20,
            stdin=subprocess.DEVNULL,
        )
        said, detail = _VERSION.search(done.stdout), done.stderr.strip() or done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        said, detail = None, str(error)
    if said is None:
        raise GaieError(
            f"{found.path} does not say which {found.tool.name} it is",
            hint=f"see that it is {found.tool.name} for this machine, or run "
            f"gaiectl tools install {found.tool.name}",
            detail=detail,
        )
    return said.group()
