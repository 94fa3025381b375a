"""Errors as the user sees them: what failed, what to do, and no traceback."""

import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime

from gaiectl.console import terminal
from gaiectl.errors import GaieError


def show(error: GaieError) -> None:
    """Write an error to stderr: its detail, then the message, then the hint."""
    if error.detail:
        terminal.say(error.detail)
    show_lines(error.message, error.hint)


def show_lines(message: str, hint: str) -> None:
    """Write a message and a hint to stderr."""
    terminal.say(f"{terminal.paint('error:', 'red')} {message}")
    terminal.say(f"{terminal.paint('hint:', 'yellow')} {hint}")


def show_bug(error: BaseException) -> None:
    """Write what to do about an error that is our fault; its details go to a file."""
    told = "".join(traceback.format_exception(error))
    message = f"gaiectl has a bug: {type(error).__name__}: {error}"
    try:
        handle, path = tempfile.mkstemp(prefix="gaiectl-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as report:
            report.write(_circumstances() + "\n" + told)
        hint = f"please report it with the file {path}"
    except OSError:
        hint = "run it again with --debug and report what it says"
    show_lines(message, hint)


def _circumstances() -> str:
    from importlib import metadata  # noqa: PLC0415 - costs 15 ms, needed for bugs only

    try:
        version = metadata.version("gaiectl")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return "\n".join(
        (
            f"gaiectl {version}, Python {sys.version.split()[0]}, {platform.platform()}",
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {sys.argv}",
        )
    )
