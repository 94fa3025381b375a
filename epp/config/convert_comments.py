"""Comments of an old text in a new one that says the same in other words; none gets lost.

A line of the new text takes over the comments of the old line that it was: the same line, the
same line elsewhere, or the one in whose place it stands. What was said of a line that is gone stays
where that line was; if it stood behind it, together with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Line:
    """What begins in one line, with the lines that it goes on in.

    Attributes:
        code: without the comment behind it.
        indent: blanks before it.
        above: comments and empty lines before it, as they are written.
        behind: the comment behind it, with the blanks in between.
        number: of the line, from 1.
        words: what it says, wherever it stands.
    """

    code: str
    indent: int
    above: list[str] = field(default_factory=list)
    behind: str = ""
    number: int = 0
    words: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive what is compared."""
        self.words = self.code.strip().removeprefix("- ").strip()

    @property
    def key(self) -> str:
        """The field that it gives a value."""
        return self.words.partition(":")[0]


def with_comments_of(
    old: str,
    new: str,
    renamed: Mapping[str, str],
    reworded: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """Return the new text with the comments and empty lines of the old one, and no others.

    Args:
        old: YAML.
        new: YAML that was made of it.
        renamed: new names of fields of the document by their old ones.
        reworded: by lines of the old text, from 1, how what they say begins now: ``field``, or
            ``field: value``.
    """
    try:
        before, end = _lines(old)
        after, _ = _lines(new)
    except yaml.YAMLError:  # what its own reader and writer understand is all that can be had
        return new
    for line in before:
        if not line.indent and line.words == f"{line.key}:":
            line.words = f"{renamed.get(line.key, line.key)}:"
        if begins := reworded.get(line.number):
            value = "" if ":" in begins else f":{line.words.partition(':')[2]}"
            line.words = f"{begins}{value}"
    for line in after:
        line.above, line.behind = [], ""
    places, moved = _places(before, after)
    position = 0
    for index, line in enumerate(before):
        place = places.get(index)
        if place is None:
            _leave(line, after, position, end)
            continue
        here = after[place]
        here.above += _shifted(line.above, here.indent - line.indent)
        if here.behind:
            _leave(_Line(line.code, line.indent, behind=line.behind), after, place, end)
        else:
            here.behind = line.behind
        if index not in moved:
            position = place + 1
    written = [part for line in after for part in (*line.above, line.code + line.behind)]
    return "\n".join([*written, *end]) + "\n"


def _leave(line: _Line, after: Sequence[_Line], position: int, end: list[str]) -> None:
    """Put what was said of a line that is gone before the line at a position."""
    gone = [*line.above]
    if line.behind:
        whole = f"{line.code}{line.behind}"
        gone += [f"{' ' * line.indent}# {part.strip()}" for part in whole.splitlines()]
    if position < len(after):
        after[position].above += _shifted(gone, after[position].indent - line.indent)
    else:
        end[:0] = gone


def _shifted(lines: Sequence[str], by: int) -> list[str]:
    return [
        f"{' ' * max(0, len(line) - len(line.lstrip()) + by)}{line.lstrip()}" if line else line
        for line in lines
    ]


def _places(before: Sequence[_Line], after: Sequence[_Line]) -> tuple[dict[int, int], set[int]]:
    """Return which line of the new text each line of the old one is, and which of these moved."""
    places: dict[int, int] = {}
    moved: set[int] = set()
    matcher = SequenceMatcher(
        None, [line.words for line in before], [line.words for line in after], autojunk=False
    )
    left_over: list[tuple[range, range]] = []
    for kind, first, last, start, stop in matcher.get_opcodes():
        if kind == "equal":
            places.update(zip(range(first, last), range(start, stop), strict=True))
        else:
            left_over.append((range(first, last), range(start, stop)))
    free = {place for _, new in left_over for place in new}

    for old, _ in left_over:
        for index in old:
            same = [place for place in free if after[place].words == before[index].words]
            if same:
                places[index] = min(same)
                free.discard(places[index])
                moved.add(index)
    for old, new in left_over:
        rest = [index for index in old if index not in places]
        room = [place for place in new if place in free]
        for index in list(rest):
            same = [place for place in room if after[place].key == before[index].key]
            if same:
                places[index] = same[0]
                rest.remove(index)
                room.remove(same[0])
        if len(rest) == len(room):
            places.update(zip(rest, room, strict=True))
    return places, moved


def _lines(text: str) -> tuple[list[_Line], list[str]]:
    """Return the lines of a text, and the comments after the last one."""
    raw = text.splitlines()
    last = [-1] * len(raw)
    """By line, where what begins there ends; -1 where nothing begins."""
    columns = [0] * len(raw)
    """By line, where the last thing in it ends."""
    for token in yaml.scan(text, Loader=_LOADER):
        start, end = token.start_mark, token.end_mark
        if start.index == end.index or start.line >= len(raw):
            continue
        stop = end.line if end.column else end.line - 1
        stop = max(start.line, min(stop, len(raw) - 1))
        last[start.line] = max(last[start.line], stop)
        columns[stop] = max(columns[stop], end.column or len(raw[stop]))
    lines: list[_Line] = []
    above: list[str] = []
    number = 0
    while number < len(raw):
        if last[number] < 0:
            above.append(raw[number].rstrip())
            number += 1
            continue
        stop = number
        while any(last[inner] > stop for inner in range(number, stop + 1)):
            stop = max(last[number : stop + 1])
        tail = raw[stop][columns[stop] :]
        behind = tail.rstrip() if "#" in tail else ""
        whole = "\n".join([*raw[number:stop], raw[stop][: columns[stop]]])
        indent = len(raw[number]) - len(raw[number].lstrip())
        lines.append(_Line(whole, indent, above, behind, number + 1))
        above = []
        number = stop + 1
    return lines, above
