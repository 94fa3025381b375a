"""Lines that pods have written, as they are; a terminal gets nothing that would move its cursor."""

import re
import sys
from typing import TYPE_CHECKING

from gaiectl.console import terminal

if TYPE_CHECKING:
    from gaiectl.operations.logs import Line

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def show(line: "Line") -> None:
    """Write a line behind the name of its pod; what we say ourselves goes to stderr."""
    title = line.origin.title
    if line.is_ours:
        terminal.say(f"{title}: {line.text}")
        return
    text = plain(line.text) if terminal.is_terminal(sys.stdout) else line.text
    terminal.data(f"{terminal.paint(title, 'dim', sys.stdout)}: {text}")


def plain(text: str) -> str:
    """Return a text without colours and control characters."""
    return "".join(c for c in _COLOUR.sub("", text) if c.isprintable() or c == "\t")
