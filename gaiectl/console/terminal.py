"""Two streams: stdout is the answer, stderr is for the human who waits for it.

Colour says nothing that the words do not say. It is used on a terminal, unless ``NO_COLOR`` is set
or ``TERM`` is ``dumb``; ``FORCE_COLOR`` or ``--color always`` turn it on, ``--color never`` off.
"""

import os
import shutil
import stat
import sys
from enum import StrEnum
from io import TextIOWrapper
from typing import TextIO

from gaiectl.console.program import as_called


class Colour(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class OutputClosed(Exception):
    """Whoever read our output has had enough, as ``head`` does."""


_ERASE = "\r\033[K"
_CODES = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}

_policy = Colour.AUTO
_has_progress = False


def choose(policy: Colour) -> None:
    """Set when to colour, for the rest of the process."""
    global _policy  # noqa: PLW0603 - one terminal, one choice, made once at the start
    _policy = policy


def data(text: str) -> None:
    """Write the answer to stdout, as it is: for programs in UTF-8, whatever the locale.

    Raises:
        OutputClosed: nobody reads it.
    """
    end_progress()
    if isinstance(sys.stdout, TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:  # a path may hold bytes that are no UTF-8; they stay what they are
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    _write(sys.stdout, text + "\n")


def say(text: str) -> None:
    """Write a line for the human to stderr."""
    end_progress()
    _write(sys.stderr, as_called(text) + "\n")


def show_progress(text: str) -> None:
    """Show what is going on, in one line that the next output erases; nothing off a terminal.

    Nothing either where stdout is a pipe: whoever reads it may write to the same terminal, and in
    the middle of that line.
    """
    global _has_progress  # noqa: PLW0603 - one terminal, one line
    if not is_terminal() or _is_pipe(sys.stdout):
        return
    end_progress()
    width = shutil.get_terminal_size().columns - 1
    _write(sys.stderr, paint(f"{ellipsis(sys.stderr)} {text}"[:width], "dim"))
    _has_progress = True


def end_progress() -> None:
    """Erase what ``show_progress`` shows."""
    global _has_progress  # noqa: PLW0603 - see show_progress
    if _has_progress:
        _has_progress = False
        _write(sys.stderr, _ERASE)


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return the text in a colour if the stream shows colours; stderr by default."""
    return f"\033[{_CODES[colour]}m{text}\033[0m" if has_colour(stream) else text


def symbol(name: str, stream: TextIO | None = None) -> str:
    """Return the sign for ``done``, ``warning`` or ``failed``, in ASCII where needed."""
    pretty, plain, colour = {
        "done": ("\N{CHECK MARK}", "OK", "green"),
        "warning": ("!", "!!", "yellow"),
        "failed": ("\N{MULTIPLICATION SIGN}", "XX", "red"),
    }[name]
    target = stream or sys.stderr
    return paint(pretty if _is_unicode(target) else plain, colour, target)


def ellipsis(stream: TextIO) -> str:
    """Return the sign for what is left out or goes on, in ASCII where needed."""
    return "\N{HORIZONTAL ELLIPSIS}" if _is_unicode(stream) else "..."


def has_colour(stream: TextIO | None = None) -> bool:
    """Tell whether colours may be written to the stream; stderr by default."""
    if _policy != Colour.AUTO:
        return _policy == Colour.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Tell whether a human looks at the stream and it can be redrawn; stderr by default."""
    return (stream or sys.stderr).isatty() and os.environ.get("TERM") != "dumb"


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # closed, or no file at all
        return False


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError as error:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise OutputClosed from error
