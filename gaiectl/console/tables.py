"""Plain tables: upper-case headers, three blanks between columns, no borders."""

import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from gaiectl.console import terminal

GAP = "   "
_SHORTEST = 16
"""What is left of a name at least: the end of a pod's is what tells it from others."""


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    has_headers: bool = True,
    shrinks: Sequence[int] = (),
    stream: TextIO | None = None,
) -> str:
    """Return the table as text; None is written ``<none>``, no line ends in blanks.

    Args:
        headers: of the columns.
        rows: one value for each column.
        has_headers: write the headers.
        shrinks: columns whose names may lose their middle, and sentences their end, where people
            look at a terminal that is too narrow; programs get all of them.
        stream: where it will be written; stdout by default.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    lines = [*([[header.upper() for header in headers]] if has_headers else []), *cells]
    widths = [max((len(line[n]) for line in lines), default=0) for n in range(len(headers))]
    target = stream or sys.stdout
    if shrinks and terminal.is_terminal(target):
        room = shutil.get_terminal_size().columns - len(GAP) * (len(headers) - 1)
        _shrink(widths, shrinks, room)
        mark = terminal.ellipsis(target)
        lines = [
            [shortened(text, width, mark) for text, width in zip(line, widths, strict=True)]
            for line in lines
        ]
    return "\n".join(
        GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def shortened(text: str, width: int, mark: str) -> str:
    """Return a text that is at most so wide, with a mark for what is left out.

    Of a name, which its end may tell from others, that is the middle; of a sentence the end.
    """
    if len(text) <= width:
        return text
    kept = max(width - len(mark), 2)
    if " " in text:
        return f"{text[:kept].rstrip()}{mark}"
    head = kept * 2 // 5
    return f"{text[:head]}{mark}{text[head - kept :]}"


def _shrink(widths: list[int], shrinks: Sequence[int], room: int) -> None:
    """Take from the widest of these columns until all fit, or none has anything to give."""
    while sum(widths) > room:
        widest = max(shrinks, key=lambda n: widths[n])
        if widths[widest] <= _SHORTEST:
            return
        widths[widest] -= 1


def _cell(value: object) -> str:
    if value is None:
        return "<none>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
