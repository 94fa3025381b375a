r"""Helm's ``--set`` language: what a text assigns to which path.

As ``helm.sh/helm/pkg/strvals`` has it: assignments are separated by commas, ``a.b[0].c=value``
descends into maps and lists, ``{x,y}`` is a list, and a backslash takes the next character
literally.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from epp.reading.source import UNUSABLE
from gaiectl.plan import Assignment
from gaiectl.validation.schema import path_of

MAX_INDEX = 65536
MAX_STEPS = 30
"""Limits of Helm."""

_NAME = re.compile(r"((?:\\.|[^\\=\[,.])*)([=\[,.]|\\?\Z)", re.DOTALL)
_INDEX = re.compile(r"([0-9]{1,5})\]([=\[,.]|\Z)")
_VALUE = re.compile(r"((?:\\.|[^\\,])*)(,|\\?\Z)", re.DOTALL)
_ITEM = re.compile(r"((?:\\.|[^\\,}])*)([,}]|\\?\Z)", re.DOTALL)
_INTEGER = re.compile(r"0|[1-9][0-9]*|[-+][0-9]+")


class NotReadable(Exception):
    """The text is no assignment.

    Attributes:
        hint: how it is written.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Assigned:
    """One value at one path.

    Attributes:
        assignment: the text that says so.
        steps: names and indices from the root.
        value: as Helm understands it.
        follows_comma: it is not the first of its text.
        text: the piece of the text that says this alone.
    """

    assignment: Assignment
    steps: tuple[str | int, ...]
    value: Any
    follows_comma: bool
    text: str

    @property
    def path(self) -> str:
        """The steps as ``Source`` writes them."""
        return path_of(self.steps)


class Culprits:
    """Finds who said something about a path; thousands of values and findings take a moment."""

    def __init__(self, assigned: Sequence[Assigned]) -> None:
        self._assigned = assigned
        self._at: dict[str, int] = {}
        self._at_or_below: dict[str, int] = {}
        for number, one in enumerate(assigned):
            self._at[one.path] = number
            self._at_or_below.update(dict.fromkeys(_at_or_above(one.path), number))

    def of(self, path: str) -> Assigned:
        """Return the last value at the path, above it or below it; there is one."""
        above = max(self._at.get(upper, -1) for upper in _at_or_above(path))
        return self._assigned[max(above, self._at_or_below.get(path, -1))]


def _at_or_above(path: str) -> Iterator[str]:
    yield ""
    for end in re.finditer(r"[.\[]|\Z", path):
        yield path[: end.start()]


def read(assignment: Assignment) -> list[Assigned]:
    """Return what a text assigns, in its order.

    Raises:
        NotReadable: Helm would refuse the text too.
    """
    text, at = assignment.text, 0
    found: list[Assigned] = []
    while at < len(text):
        start = at
        steps, at = _path(text, at)
        value, at = _value(text, at, as_string=assignment.as_string)
        piece = text[start:at].removesuffix(",") if at < len(text) else text[start:]
        follows_comma = bool(found)
        found.append(Assigned(assignment, steps, value, follows_comma=follows_comma, text=piece))
    if not found:
        raise NotReadable("assigns nothing", "write path.to.value=value")
    return found


def part(assignments: Iterable[Assignment], key: str) -> tuple[Assignment, ...]:
    """Return what the texts assign below a key, as texts that do not name it.

    Raises:
        NotReadable: a text is no assignment.
    """
    below = [one for given in assignments for one in read(given) if one.steps[0] == key]
    return tuple(
        Assignment(one.text[len(key) :].lstrip("."), one.assignment.as_string) for one in below
    )


def merged(assigned: Sequence[Assigned], onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all values in one map; parts of lists that nobody assigns are ``UNUSABLE``.

    Args:
        assigned: the last one wins.
        onto: values that were there before; they stay as they are.
    """
    root: dict[str, Any] = deepcopy(dict(onto or {}))
    for one in assigned:
        place: Any = root
        for step, below in zip(one.steps, one.steps[1:], strict=False):
            kind: type = list if isinstance(below, int) else dict
            inner = _get(place, step)
            if not isinstance(inner, kind):
                inner = kind()
                _put(place, step, inner)
            place = inner
        _put(place, one.steps[-1], one.value)
    return root


def _get(place: Any, step: str | int) -> Any:
    if isinstance(place, list) and isinstance(step, int):
        return place[step] if step < len(place) else None
    return place.get(step)


def _put(place: Any, step: str | int, value: Any) -> None:
    if isinstance(place, list) and isinstance(step, int):
        place.extend([UNUSABLE] * (step + 1 - len(place)))
    place[step] = value


def _path(text: str, at: int) -> tuple[tuple[str | int, ...], int]:
    """Return the steps before the next ``=`` and where the value begins."""
    steps: list[str | int] = []
    stop = "."
    while stop != "=":
        if stop == ".":
            name, stop, at = _words(_NAME, text, at)
            if not name:
                after = f" after {path_of(steps)!r}" if steps else ""
                raise NotReadable(f"a name is empty{after}", "write path.to.value=value")
            steps.append(name)
        elif stop == "[":
            index = _INDEX.match(text, at)
            if index is None or int(index[1]) > MAX_INDEX:
                raise NotReadable(
                    f"no index of a list follows {path_of(steps)!r} and [",
                    "write name[0]=value, counting from 0",
                )
            steps.append(int(index[1]))
            stop, at = index[2], index.end()
        else:
            raise NotReadable(
                f"{path_of(steps)!r} has no value",
                r"write name=value, and \, for a comma that belongs to a value",
            )
    if len(steps) > MAX_STEPS:
        raise NotReadable(f"nested deeper than {MAX_STEPS} levels", "use a values file")
    return tuple(steps), at


def _value(text: str, at: int, *, as_string: bool) -> tuple[Any, int]:
    if text[at : at + 1] != "{":
        word, _, at = _words(_VALUE, text, at)
        return _typed(word, as_string=as_string), at
    items: list[Any] = []
    at += 1
    while True:
        word, stop, at = _words(_ITEM, text, at)
        items.append(_typed(word, as_string=as_string))
        if stop == "}":
            break
        if stop != ",":
            raise NotReadable("the list that { begins has no }", "write name={first,second}")
    if text[at : at + 1] not in ("", ","):
        raise NotReadable(
            "something follows the } of a list", r"write \{ for a text that begins so"
        )
    return items, at + 1


def _words(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, str, int]:
    """Return what stands before a stop with its escapes undone, the stop, and where it ends."""
    match = pattern.match(text, at)
    assert match is not None, "each pattern matches the rest of any text"
    return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL), match[2], match.end()


def _typed(word: str, *, as_string: bool) -> Any:
    if as_string:
        return word
    known = {"true": True, "false": False, "null": None}
    if word.lower() in known:
        return known[word.lower()]
    if _INTEGER.fullmatch(word) and -(1 << 63) <= int(word) < 1 << 63:
        return int(word)
    return word
