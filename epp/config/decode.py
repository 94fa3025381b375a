"""Plain values into the fields of a dataclass, strictly, as its annotations declare."""

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from epp.api.parameters import Param, Quantity, Seconds, parameters_of, refused_by
from epp.reading.source import UNUSABLE, Source, short
from epp.reading.suggest import suggest

DURATION_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
"""A number and its unit, in the syntax of Go's time.ParseDuration."""

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
QUANTITY = r"(\d+(?:\.\d*)?|\.\d+)(k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?"
"""A number and its suffix, in the syntax of Kubernetes' resource quantities."""

_FACTORS = {
    "": 1,
    **{suffix: 1000**power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": 1024**power for power, suffix in enumerate("KMGTPE", 1)},
}
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def decode(
    cls: type[Any], source: Source, value: Any, path: str, *, folds_case: bool = False
) -> dict[str, Any]:
    """Return the arguments for the dataclass that the object at the path gives.

    What cannot be used is left out and noted as a problem in the source: unknown and refused names,
    missing required ones, wrong types, values out of range. ``null`` counts as not given, as it
    does for Go's decoder.

    Args:
        cls: the dataclass.
        source: where the object stands, and where problems are noted.
        value: the object.
        path: its place.
        folds_case: names count in whatever case they are written, with a warning; Go decodes
            the parameters of plugins so, and the fields around them not.
    """
    if not isinstance(value, dict):
        _wrong_kind(source, path, dict, value)
        return {}
    declared = {parameter.name: parameter for parameter in parameters_of(cls)}
    refused = refused_by(cls)
    folded = _folded(declared, source, value, path) if folds_case else {}
    arguments: dict[str, Any] = {}
    for written, given in value.items():
        child = f"{path}.{written}" if path else written
        name: str = folded.get(written) or written
        if name in refused:
            source.add(
                child,
                f"{name!r} cannot be used",
                refused[name],
                at_key=True,
                code="refused-parameter",
            )
        elif name in declared:
            parameter = declared[name]
            if given is None and not (parameter.is_required and not is_container(parameter.type)):
                continue
            decoded = _decode(
                parameter.type, parameter.about, source, given, child, folds_case=folds_case
            )
            if decoded is not UNUSABLE:
                arguments[parameter.field] = decoded
        elif name != "<<":
            hint = suggest(name, declared)
            source.add(
                child, f"unknown field {short(name)}", hint, at_key=True, code="unknown-field"
            )
    for parameter in declared.values():
        if parameter.is_required and parameter.name not in (*value, *folded.values()):
            source.add(
                path,
                f"field {parameter.name!r} is missing",
                parameter.about.description,
                code="missing-field",
            )
    return arguments


def _folded(
    declared: Mapping[str, Any], source: Source, value: Mapping[str, Any], path: str
) -> dict[str, str]:
    """Return what is declared under other cases of names, by the names as written."""
    by_case = {name.lower(): name for name in declared}
    found: dict[str, str] = {}
    for written in value:
        name = by_case.get(written.lower(), written)
        if name not in value:
            found[written] = name
            message = f"{written!r} is taken for {name!r}"
            source.warn(f"{path}.{written}", message, f"write {name}", at_key=True)
    return found


def decode_lenient(
    cls: type[Any], source: Source, value: Any, path: str, *, folds_case: bool = False
) -> Any:
    """Return the dataclass, with empty strings where a required one could not be used."""
    arguments = decode(cls, source, value, path, folds_case=folds_case)
    for parameter in parameters_of(cls):
        if parameter.is_required:
            arguments.setdefault(parameter.field, "")
    return cls(**arguments)


def _decode(
    kind: Any, about: Param, source: Source, value: Any, path: str, *, folds_case: bool
) -> Any:
    """Return the value as the annotated type; ``UNUSABLE`` when it is not one."""
    kind = without_none(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return decode_lenient(kind, source, value, path, folds_case=folds_case)
    if value is UNUSABLE or kind is Any:
        return value
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            return _wrong_kind(source, path, list, value)
        items = [
            _decode(inner[0], about, source, v, f"{path}[{i}]", folds_case=folds_case)
            for i, v in enumerate(value)
        ]
        return tuple(item for item in items if item is not UNUSABLE)
    if origin is Mapping:
        return value if isinstance(value, dict) else _wrong_kind(source, path, dict, value)
    if origin is Literal:
        if value not in inner or isinstance(value, bool):
            source.add(path, f"{short(value)} is not allowed", suggest(str(value), inner))
            return UNUSABLE
        return value
    if kind is Seconds:
        return _in_range(about, source, _seconds(source, value, path), path)
    if kind is Quantity:
        return _in_range(about, source, _quantity(source, value, path), path)
    return _in_range(about, source, _plain(kind, source, value, path), path)


def _quantity(source: Source, value: Any, path: str) -> Any:
    if type(value) is int or (type(value) is float and value.is_integer()):
        return Quantity(int(value))
    match = re.fullmatch(QUANTITY, value) if isinstance(value, str) else None
    if match is None:
        hint = "write a whole number, with a suffix if you like: 500, 10k, 64Mi"
        source.add(path, f"{short(value)} is not a quantity", hint)
        return UNUSABLE
    amount = float(match[1]) * _FACTORS[match[2] or ""]
    if not amount.is_integer():
        source.add(path, f"{short(value)} is not a whole number", "leave the fraction out")
        return UNUSABLE
    return Quantity(int(amount))


def without_none(kind: Any) -> Any:
    """Return what an optional type may be besides None; any other type as it is."""
    if get_origin(kind) in (Union, UnionType):
        return next(choice for choice in get_args(kind) if choice is not type(None))
    return kind


def is_container(kind: Any) -> bool:
    """Tell whether the annotated type is an object or a list in the configuration."""
    kind = without_none(kind)
    return is_dataclass(kind) or get_origin(kind) in (tuple, Mapping)


def _plain(kind: type[Any], source: Source, value: Any, path: str) -> Any:
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return _float(source, value, path)
    # 2.0 is a whole number in JSON Schema and for Go's YAML decoder.
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    return _wrong_kind(source, path, kind, value)


def _float(source: Source, value: int, path: str) -> Any:
    try:
        return float(value)
    except OverflowError:
        source.add(path, f"{short(value)} is too large")
        return UNUSABLE


def _seconds(source: Source, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        return _wrong_kind(source, path, str, value, hint="for example '200ms' or '1m30s'")
    seconds = read_duration(value)
    if seconds is None:
        source.add(path, f"{short(value)} is not a duration", "for example '200ms' or '1m30s'")
        return UNUSABLE
    return seconds


def read_duration(text: str) -> Seconds | None:
    """Return a duration in Go's syntax, for example ``200ms``; None if it is none."""
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned != "0" and not re.fullmatch(f"({DURATION_PART})+", unsigned, re.ASCII):
        return None
    parts = re.findall(DURATION_PART, unsigned, re.ASCII)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return Seconds(-total if text.startswith("-") else total)


def _in_range(about: Param, source: Source, value: Any, path: str) -> Any:
    if value is UNUSABLE or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if about.minimum is not None and len(value) < about.minimum:
            source.add(path, "must not be empty", about.description, code="out-of-range")
            return UNUSABLE
        return value
    low, high, above = about.minimum, about.maximum, about.above
    is_inside = (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
    )
    if is_inside:
        return value
    unit = "s" if isinstance(value, Seconds) else ""
    given = f"{value:g}{unit}" if isinstance(value, float) else short(value)
    message, hint = f"{given} is out of range", f"give {range_text(about)}"
    if about.is_forgiven:
        source.warn(path, f"{message}: the default counts", hint, code="out-of-range")
    else:
        source.add(path, message, hint, code="out-of-range")
    return UNUSABLE


def range_text(about: Param) -> str:
    """Return the allowed range in words; empty when everything is."""
    words = []
    if about.above is not None:
        words.append(f"more than {about.above:g}")
    if about.minimum is not None:
        words.append(f"{about.minimum:g} or more")
    if about.maximum is not None:
        words.append(f"{about.maximum:g} or less")
    return " and ".join(words)


def _wrong_kind(source: Source, path: str, kind: type[Any], value: Any, hint: str = "") -> Any:
    if value is not UNUSABLE:
        given = _described(value)
        if kind is str and isinstance(value, int | float) and not hint:
            hint = "put it in quotes"
        source.add(path, f"must be {_KINDS[kind]}, not {given}", hint, code="wrong-type")
    return UNUSABLE


def _described(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {short(value)}"
    if isinstance(value, str):
        return f"the string {short(value)}"
    return "a list" if isinstance(value, list) else "an object"
