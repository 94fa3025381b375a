"""What plugin types there are: the data behind reference pages and tables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from inspect import cleandoc
from sys import modules
from textwrap import dedent
from typing import Any, Literal, NamedTuple, get_args, get_origin

from epp.api.parameters import Parameter, Quantity, Seconds, parameters_of
from epp.api.registry import PluginType, Registry, default_registry
from epp.config.decode import range_text, without_none
from epp.config.releases import SUCCESSORS, TYPES

_WORDS: dict[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    Seconds: "duration",
    Quantity: "quantity",
    Any: "any value",
}
SECTIONS = ("What", "Formula", "Reads", "When to use")
"""Headings in the docstring of a plugin's module that tell more than its declaration does."""


class ParameterEntry(NamedTuple):
    """One parameter.

    Attributes:
        name: as written in the configuration; of a field inside of an object ``outer.inner``, of
            one inside of a list's items ``outer[].inner``.
        type: in words.
        required: it must be given.
        default: as written in the configuration; None when it has none.
        range: in words; empty when every value of the type will do.
        description: one sentence.
    """

    name: str
    type: str
    required: bool
    default: Any
    range: str
    description: str


class TypeEntry(NamedTuple):
    """One plugin type.

    Attributes:
        type: as written in the configuration.
        family: what it is for first of all.
        also: what else it is for.
        summary: one sentence.
        sections: text under each of ``SECTIONS``.
        parameters: in the order of declaration.
        releases: the Go EPPs that have it, by name; none for a type of this EPP only.
        is_alpha: it is experimental.
        successors: for a deprecated type, those that take its place.
    """

    type: str
    family: str
    also: tuple[str, ...]
    summary: str
    sections: Mapping[str, str]
    parameters: tuple[ParameterEntry, ...]
    releases: tuple[str, ...]
    is_alpha: bool
    successors: tuple[str, ...]


def catalogue(registry: Registry = default_registry) -> list[TypeEntry]:
    """Return every registered type, by family and name."""
    return sorted(map(_type_entry, registry), key=lambda entry: (entry.family, entry.type))


def _type_entry(kind: PluginType) -> TypeEntry:
    text = cleandoc(modules[kind.cls.__module__].__doc__ or "")
    successor = SUCCESSORS.get(kind.name)
    return TypeEntry(
        type=kind.name,
        family=kind.family.value,
        also=tuple(family.value for family in kind.also),
        summary=re.sub(r"^[a-z0-9-]+: ", "", text.partition("\n")[0]),
        sections=_sections(text),
        parameters=tuple(_entries(kind.cls)),
        releases=TYPES.get(kind.name, ()),
        is_alpha=kind.is_alpha,
        successors=successor.names if successor else tuple(filter(None, (kind.successor,))),
    )


def _sections(text: str) -> dict[str, str]:
    """Return the text under each heading: a line of its own, at the margin, with a colon."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}|[A-Z][a-z ]+):[ \t]*\n", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {name: dedent(found[name]).strip() for name in SECTIONS if name in found}


def _entries(cls: type[Any], prefix: str = "") -> Iterator[ParameterEntry]:
    for parameter in parameters_of(cls):
        entry = _entry(parameter, prefix)
        yield entry
        kind = without_none(parameter.type)
        is_list = get_origin(kind) is tuple
        inner = without_none(get_args(kind)[0]) if is_list else kind
        if isinstance(inner, type) and is_dataclass(inner):
            yield from _entries(inner, f"{entry.name}{'[]' * is_list}.")


def _entry(parameter: Parameter, prefix: str) -> ParameterEntry:
    default, kind = parameter.default, without_none(parameter.type)
    is_numeric = kind in (int, float, Seconds, Quantity)
    return ParameterEntry(
        name=prefix + parameter.name,
        type=_word(kind),
        required=parameter.is_required,
        default=None if parameter.is_required else _written(default),
        range=range_text(parameter.about) if is_numeric else "",
        description=parameter.about.description,
    )


def _written(default: Any) -> Any:
    """Return a default as JSON can hold it; None for an object that has its own defaults."""
    if isinstance(default, Seconds):
        return f"{default:g}s"
    if isinstance(default, tuple):
        return [_written(item) for item in default]
    if isinstance(default, Mapping):
        return dict(default)
    return None if is_dataclass(default) else default


def _word(kind: Any) -> str:
    kind = without_none(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin is tuple:
        return f"list of {_word(inner[0])}"
    if origin is Mapping or is_dataclass(kind):
        return "object"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))
