"""YAML or JSON text into plain values, and where each of them stands in the text.

Built on the parser's events, so that nesting stays bounded: composing deeply nested text would
exhaust the C stack.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from epp.api.errors import Problem

MOST_BYTES = 1 << 20
MOST_DEPTH = 20

Place = tuple[int, int]
"""Line and column, counted from 1."""

UNUSABLE = object()
"""Stands for a value whose problem is noted already."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = "tag:yaml.org,2002:str"
_resolver: Any = Resolver()
_constructor = SafeConstructor()


@dataclass(slots=True)
class Source:
    """A parsed text.

    Attributes:
        file: how messages call it.
        value: dict, list, str, int, float, bool, None or ``UNUSABLE``.
        places: of the value at each path, for example ``endpoints[0].port``.
        keys: place of the key at each path.
        problems: what is wrong with the text and with what it says.
    """

    file: str
    value: Any = None
    places: dict[str, Place] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Note a problem at the value, or at the key, of the path."""
        place = self.keys.get(path) if at_key else None
        line, column = place or self.places.get(path, (0, 0))
        self.problems.append(Problem(message, self.file, line, column, path, hint))


class _Unreadable(Exception):
    def __init__(self, message: str, mark: Any = None) -> None:
        super().__init__(message)
        self.place = (1, 1) if mark is None else _place(mark)


def _place(mark: Any) -> Place:
    return (mark.line + 1, mark.column + 1)


def parse(data: bytes, file: str) -> Source:
    """Return the values and their places; what is wrong with the text is in ``problems``."""
    source = Source(file)
    try:
        source.value = _document(_events(data), source)
    except _Unreadable as error:
        source.value = UNUSABLE
        source.problems = [Problem(str(error), file, *error.place)]
    return source


def _events(data: bytes) -> Iterator[Any]:
    if len(data) > MOST_BYTES:
        raise _Unreadable(f"larger than {MOST_BYTES >> 20} MiB")
    if data.lstrip()[:1] in (b"{", b"["):
        # JSON may be indented with tabs, which YAML refuses; inside JSON strings they are escaped.
        data = data.replace(b"\t", b" ")
    try:
        yield from yaml.parse(data.decode(), Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise _Unreadable(f"not UTF-8 at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Unreadable(f"not valid YAML: {error.problem or error.context}", mark) from None
    except yaml.YAMLError as error:
        raise _Unreadable(f"not valid YAML: {error}") from None


def _document(events: Iterator[Any], source: Source) -> Any:
    value: Any = None
    is_seen = False
    for event in events:
        if isinstance(event, yaml.NodeEvent):
            if is_seen:
                raise _Unreadable("more than one document", event.start_mark)
            is_seen = True
            value = _value(event, events, source, "", 0)
    return value


def _value(event: Any, events: Iterator[Any], source: Source, path: str, depth: int) -> Any:
    mark = event.start_mark
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _Unreadable("anchors and aliases are not supported here; write it out", mark)
    if depth > MOST_DEPTH:
        raise _Unreadable(f"nested deeper than {MOST_DEPTH} levels", mark)
    source.places[path] = _place(mark)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, source, path)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            items.append(_value(item, events, source, f"{path}[{len(items)}]", depth + 1))
        return items
    return _mapping(events, source, path, depth)


def _mapping(events: Iterator[Any], source: Source, path: str, depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent):
            raise _Unreadable("a field name must be a word", event.start_mark)
        name = event.value
        child = f"{path}.{name}" if path else name
        first = source.keys.get(child)
        source.keys[child] = _place(event.start_mark)
        if name in fields and first is not None:
            source.add(child, f"{name!r} is given twice, first in line {first[0]}", at_key=True)
        fields[name] = _value(next(events), events, source, child, depth + 1)
    return fields


def _scalar(event: Any, source: Source, path: str) -> Any:
    tag = event.tag or _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
    if tag in (_STRING, "!"):
        return event.value
    try:
        return SafeConstructor.yaml_constructors[tag](
            _constructor, yaml.ScalarNode(tag, event.value)
        )
    except (yaml.YAMLError, ValueError, KeyError, IndexError, OverflowError):
        source.add(path, f"{event.value[:60]!r} is not a usable value")
        return UNUSABLE
