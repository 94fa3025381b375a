"""What plugin types there are: the data behind reference pages and tables."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from sys import modules
from typing import Any, Literal, NamedTuple, get_args, get_origin

from epp.api.parameters import Parameter, Quantity, Seconds, parameters_of
from epp.api.registry import Registry, default_registry
from epp.config.decode import range_text, without_none

_WORDS: dict[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    Seconds: "duration",
    Quantity: "quantity",
}


class ParameterEntry(NamedTuple):
    """One parameter.

    Attributes:
        name: as written in the configuration.
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
        family: what it is for.
        summary: one sentence.
        parameters: in the order of declaration.
    """

    type: str
    family: str
    summary: str
    parameters: tuple[ParameterEntry, ...]


def catalogue(registry: Registry = default_registry) -> list[TypeEntry]:
    """Return every registered type, by family and name."""
    entries = [
        TypeEntry(
            type=plugin_type.name,
            family=plugin_type.family.value,
            summary=_summary(plugin_type.cls, plugin_type.name),
            parameters=tuple(_entry(parameter) for parameter in parameters_of(plugin_type.cls)),
        )
        for plugin_type in registry
    ]
    return sorted(entries, key=lambda entry: (entry.family, entry.type))


def _summary(cls: type[Any], name: str) -> str:
    first_line = (modules[cls.__module__].__doc__ or "").partition("\n")[0]
    return first_line.removeprefix(f"{name}: ")


def _entry(parameter: Parameter) -> ParameterEntry:
    default, kind = parameter.default, without_none(parameter.type)
    return ParameterEntry(
        name=parameter.name,
        type=_word(kind),
        required=parameter.is_required,
        default=None if parameter.is_required else _written(default),
        range=range_text(parameter.about) if kind in (int, float, Seconds, Quantity) else "",
        description=parameter.about.description,
    )


def _written(default: Any) -> Any:
    return f"{default:g}s" if isinstance(default, Seconds) else default


def _word(kind: Any) -> str:
    kind = without_none(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(inner)
    if origin is tuple:
        return f"list of {_word(inner[0])}"
    if origin is Mapping or is_dataclass(kind):
        return "object"
    return _WORDS[kind]
