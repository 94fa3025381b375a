"""YAML or JSON text into plain values, and where each of them stands in the text.

The parser's events are put together here, so that size, nesting and the expansion of aliases stay
bounded whatever the text holds.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import Reader
from yaml.resolver import Resolver

from epp.api.errors import Problem, Severity

MAX_CHARACTERS = 1 << 20
MAX_DEPTH = 40
MAX_VALUES = 10_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_TEMPLATE = re.compile(r"\{\{-? *[.$a-z]")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_resolve: Callable[..., str] = Resolver().resolve
_CONSTRUCTOR = SafeConstructor()

UNUSABLE = object()
"""Stands for a value whose problem is noted already."""

Place = tuple[int, int]
"""Line and column, counted from 1."""


@dataclass(slots=True)
class Source:
    """A parsed text.

    Attributes:
        file: how messages call it.
        value: dict, list, str, int, float, bool, None or ``UNUSABLE``; None also for a text without
            content.
        values: place of the value at each path, for example ``plugins[0].type``.
        keys: place of the key at each path.
        problems: what is wrong with the text and, added by later steps, with what it says.
        warnings: what is probably not meant as written.
    """

    file: str
    value: Any = None
    values: dict[str, Place] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(
        self,
        path: str,
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
        code: str = "invalid-value",
    ) -> None:
        """Note an error at the value, or at the key, of the path."""
        place = self._place(path, at_key=at_key)
        self.problems.append(Problem(message, self.file, *place, path, hint, "error", code))

    def warn(
        self,
        path: str,
        message: str,
        hint: str = "",
        *,
        severity: Severity = "warning",
        at_key: bool = False,
        code: str = "doubtful",
    ) -> None:
        """Note at the value, or at the key, of the path what is probably not meant so."""
        place = self._place(path, at_key=at_key)
        self.warnings.append(Problem(message, self.file, *place, path, hint, severity, code))

    def line(self, path: str) -> int:
        """Return the line of the value of the path; 0 when it has none."""
        return self._place(path, at_key=False)[0]

    def _place(self, path: str, *, at_key: bool) -> Place:
        """Return the place of the path, or of the nearest one above it that stands in the text."""
        if at_key and path in self.keys:
            return self.keys[path]
        while path not in self.values and path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.values.get(path, (0, 0))


@dataclass(slots=True, eq=False)
class _Node:
    """A scalar or collection as it stands in the text; an alias is its anchor's node again.

    Attributes:
        event: the event that starts it; tells its kind, its tag and its place.
        parts: items of a sequence; keys and values of a mapping by turns.
    """

    event: Any
    parts: list["_Node"] = field(default_factory=list)

    @property
    def place(self) -> Place:
        mark = self.event.start_mark
        return (mark.line + 1, mark.column + 1)


class _Unreadable(Exception):
    """The text as a whole cannot be used."""

    def __init__(self, message: str, place: Place = (1, 1), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint


def parse(
    text: str, file: str, *, max_values: int = MAX_VALUES, merge_keys: bool = False
) -> Source:
    """Return the values and their places; what is wrong with the text is in ``problems``.

    Args:
        text: YAML or JSON.
        file: how messages call it.
        max_values: more are refused, aliases expanded.
        merge_keys: ``<<`` takes in the fields of other maps, as YAML 1.1 has it, instead of being
            refused.
    """
    source = Source(file)
    try:
        root = _compose(text, max_values)
        if root is not None:
            source.value = _Values(source, max_values, merge_keys=merge_keys).of(root, "", 0)
    except _Unreadable as error:
        source.value = UNUSABLE
        source.problems.append(
            Problem(error.message, file, *error.place, hint=error.hint, code="unreadable")
        )
    return source


def _events(text: str) -> Iterator[Any]:
    if len(text) > MAX_CHARACTERS:
        raise _Unreadable(f"larger than {MAX_CHARACTERS >> 20} MiB")
    if unprintable := Reader.NON_PRINTABLE.search(text):
        at = unprintable.start()
        place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        raise _Unreadable(f"character {unprintable.group()!a} is not allowed", place)
    if text.lstrip()[:1] in ("{", "["):
        # JSON may be indented with tabs, which YAML refuses; inside JSON strings they are escaped.
        text = text.replace("\t", " ")
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        begun = error.context_mark
        hint = f"{error.context} that begins in line {begun.line + 1}" if begun else ""
        if _TEMPLATE.search(text):
            hint = "it looks like a template: render it, and check what comes out"
        elif mark and text[mark.index : mark.index + 1] == "\t":
            hint = "indent with blanks, not with tabs"
        raise _Unreadable(f"not valid YAML: {error.problem}", place, hint) from None
    except yaml.YAMLError as error:
        raise _Unreadable(f"not valid YAML: {error}") from None


def _compose(text: str, max_values: int) -> _Node | None:
    """Return the tree of the only document; None when there is none."""
    root: _Node | None = None
    open_nodes: list[_Node] = []
    anchors: dict[str, _Node] = {}
    count = 0
    for event in _events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            node = open_nodes.pop()
            if node.event.anchor is not None:
                anchors[node.event.anchor] = node
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _Node(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise _Unreadable(
                    f"alias *{event.anchor} has no anchor that ends before it", node.place
                )
            node = anchors[event.anchor]
        elif isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            anchors[event.anchor] = node
        count += 1
        if count > max_values:
            raise _Unreadable(f"more than {max_values} values", node.place)
        if open_nodes:
            open_nodes[-1].parts.append(node)
        elif root is None:
            root = node
        else:
            raise _Unreadable("more than one document", node.place)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_nodes) == MAX_DEPTH:
                raise _Unreadable(f"nested deeper than {MAX_DEPTH} levels", node.place)
            open_nodes.append(node)
    return root


class _Values:
    """Turns nodes into values; notes their places and problems in the source."""

    def __init__(self, source: Source, max_values: int, *, merge_keys: bool) -> None:
        self._source = source
        self._max_values = max_values
        self._left = max_values
        self._merge_keys = merge_keys

    def of(self, node: _Node, path: str, depth: int) -> Any:
        """Return the value of a node."""
        self._count(node, depth)
        self._source.values[path] = node.place
        if isinstance(node.event, yaml.ScalarEvent):
            return self._scalar(node.event, path)
        self._check_tag(node.event.tag, path, ("map", "seq"))
        if isinstance(node.event, yaml.SequenceStartEvent):
            return [self.of(p, f"{path}[{i}]", depth + 1) for i, p in enumerate(node.parts)]
        return self._mapping(node, path, depth)

    def _count(self, node: _Node, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Unreadable(f"more than {self._max_values} values, aliases expanded", node.place)
        if depth > MAX_DEPTH:
            raise _Unreadable(f"nested deeper than {MAX_DEPTH} levels", node.place)

    def _mapping(self, node: _Node, path: str, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        merged: list[_Node] = []
        for key, key_node, value_node in _fields(node):
            child = f"{path}.{key}" if path else key
            first = self._source.keys.get(child)
            self._source.keys[child] = key_node.place
            if key in items and first:
                self._source.add(
                    child,
                    f"{short(key)} is given twice",
                    f"first in line {first[0]}",
                    at_key=True,
                    code="duplicate-name",
                )
            elif key == "<<" and self._merge_keys:
                merged.append(value_node)
                continue
            elif key == "<<":
                hint = "write the fields out"
                self._source.add(child, "merge keys are not supported", hint, at_key=True)
            items[key] = self.of(value_node, child, depth + 1)
        for value_node in merged:
            self._merge(value_node, items, path, depth + 1)
        return items

    def _merge(self, node: _Node, items: dict[str, Any], path: str, depth: int) -> None:
        """Add the fields of a map, or of a list of maps, that the items lack."""
        self._count(node, depth)
        if isinstance(node.event, yaml.SequenceStartEvent):
            for part in node.parts:
                self._merge(part, items, path, depth + 1)
        elif isinstance(node.event, yaml.MappingStartEvent):
            inner = []
            for key, key_node, value_node in _fields(node):
                if key == "<<":
                    inner.append(value_node)
                elif key not in items:
                    child = f"{path}.{key}" if path else key
                    self._source.keys[child] = key_node.place
                    items[key] = self.of(value_node, child, depth)
            for value_node in inner:
                self._merge(value_node, items, path, depth + 1)
        else:
            child = f"{path}.<<" if path else "<<"
            hint = "<< takes an alias of a map, such as *name, or a list of them"
            self._source.add(child, "only maps can be merged", hint, at_key=True)

    def _scalar(self, event: Any, path: str) -> Any:
        text: str = event.value
        tag = event.tag
        if tag is None or tag == "!":
            tag = _resolve(yaml.ScalarNode, text, event.implicit)
            # YAML 1.1 takes some of JSON's numbers, such as 1e3, for words.
            if event.implicit[0] and _JSON_NUMBER.fullmatch(text):
                tag = _CORE + ("float" if set(text) & set(".eE") else "int")
            elif ":" in text and tag.removeprefix(_CORE) in ("int", "float"):
                tag = _CORE + "str"  # 22:22 is a number in base 60 to YAML 1.1, and to nobody else
        else:
            self._check_tag(tag, path, ("str", "int", "float", "bool", "null"))
        node = yaml.ScalarNode(tag, text)
        try:
            match tag.removeprefix(_CORE):
                case "null":
                    return None
                case "bool":
                    return _CONSTRUCTOR.construct_yaml_bool(node)
                case "int":
                    return _CONSTRUCTOR.construct_yaml_int(node)
                case "float":
                    return _finite(_CONSTRUCTOR.construct_yaml_float(node))
                case _:
                    return text
        except (ValueError, KeyError, IndexError, OverflowError):
            self._source.add(path, f"{short(text)} is not a usable value")
            return UNUSABLE

    def _check_tag(self, tag: str | None, path: str, allowed: tuple[str, ...]) -> None:
        if tag is not None and tag.removeprefix(_CORE) not in allowed:
            self._source.add(path, f"tag {short(tag)} is not allowed here", "remove it")


def _fields(node: _Node) -> Iterator[tuple[str, _Node, _Node]]:
    """Yield name, key and value of each field of a mapping."""
    for key_node, value_node in zip(node.parts[::2], node.parts[1::2], strict=True):
        if not isinstance(key_node.event, yaml.ScalarEvent):
            raise _Unreadable("a field name must be a word", key_node.place)
        yield key_node.event.value, key_node, value_node


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError(number)
    return number


def short(value: object) -> str:
    """Return the value as messages quote it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"
