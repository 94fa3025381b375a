"""Plain tables: upper-case headers, three blanks between columns, no borders."""

from collections.abc import Sequence

GAP = "   "


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return the table as text; None is written ``<none>``, no line ends in blanks."""
    cells = [[_cell(value) for value in row] for row in rows]
    lines = [[header.upper() for header in headers], *cells]
    widths = [max(len(line[n]) for line in lines) for n in range(len(headers))]
    return "\n".join(
        GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "<none>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
