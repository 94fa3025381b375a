"""Dataclasses as the one source of a file format: their JSON Schema, and values built from a file.

A field's name in the file is its name in camelCase. Types understood: str, int, bool, enums of
texts, nested dataclasses, tuples and mappings of these, and Any.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")

_PLAIN = {str: "string", int: "integer", bool: "boolean"}


def about(default: Any, text: str, **rules: Any) -> Any:
    """Declare a field: its default, what it means, and further JSON Schema keywords.

    A default that is a class or another callable makes the default.
    """
    metadata = {"text": text, "rules": rules}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def file_name(name: str) -> str:
    """Return what a field is called in the file: ``value_files`` is ``valueFiles``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is Any:
        return {}
    if isinstance(kind, types.UnionType):
        inner = schema_of(_without_none(kind))
        return {**inner, "type": [inner["type"], "null"]}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_of(arguments[1]) or True}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [str(member) for member in kind]}
    hints = typing.get_type_hints(kind)
    return {
        "type": ["object", "null"],  # a part of which every line is a comment is null
        "additionalProperties": False,
        "properties": {
            file_name(item.name): {
                **schema_of(hints[item.name]),
                "description": item.metadata["text"],
                **_default(item),
                **item.metadata["rules"],
            }
            for item in fields(kind)
        },
    }


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return the dataclass with the values of a file that its schema has accepted."""
    hints = typing.get_type_hints(kind)
    given = {
        item.name: _built(hints[item.name], values[file_name(item.name)])
        for item in fields(kind)  # type: ignore[arg-type] # T is a dataclass
        if values.get(file_name(item.name)) is not None
    }
    return kind(**given)


def _built(kind: Any, value: Any) -> Any:
    if isinstance(kind, types.UnionType):
        return _built(_without_none(kind), value)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(_built(arguments[0], item) for item in value)
    if origin is Mapping:
        return {str(key): _built(arguments[1], item) for key, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return build(kind, value) if is_dataclass(kind) and isinstance(kind, type) else value


def _without_none(kind: Any) -> Any:
    return next(one for one in typing.get_args(kind) if one is not types.NoneType)


def _default(item: Field[Any]) -> dict[str, Any]:
    if item.default is not MISSING and item.default is not None:
        return {"default": item.default}
    return {}
