"""What a flag's value may be: each kind reads text or a YAML value, or says why it cannot."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from gaiectl.simulator.duration import format_duration, parse_duration


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Attributes:
        metavar: how ``--help`` writes the value; empty for a switch.
        parse: value from text or from YAML; raises ``ValueError``.
        show: text of a value for people and for ``GET /admin/config``.
        many: several values follow one flag, and the flag may be repeated.
    """

    metavar: str
    parse: Callable[[Any], Any]
    show: Callable[[Any], Any] = lambda value: value
    many: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """What is known of one setting; its name and its default stand in the dataclass."""

    kind: Kind
    help: str
    env: str = ""


def did_you_mean(name: str, known: list[str]) -> str:
    """Return `` (did you mean ...?)`` or nothing."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _text(value: Any) -> str:
    if isinstance(value, Mapping | list):
        raise ValueError("is a list or a mapping, but must be one value")  # noqa: TRY004 - a bad value, not a bad call
    return "" if value is None else str(value)


def _switch(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in {"true", "1", "yes", "on"}:
        return True
    if text in {"false", "0", "no", "off"}:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def json_value(value: Any) -> Any:
    """Return what a JSON text says; anything else as it is.

    Raises:
        ValueError: the text is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [word for item in items for word in _text(item).replace(",", " ").split()]


def whole(low: int, high: int | None = None) -> Kind:
    """Return the kind of whole numbers from ``low`` to ``high``, both included."""
    return Kind("N", lambda value: int(_number(value, low, high, whole_only=True)))


def number(low: float, high: float | None = None) -> Kind:
    """Return the kind of numbers from ``low`` to ``high``, both included."""
    return Kind("X", lambda value: _number(value, low, high, whole_only=False))


def _number(value: Any, low: float, high: float | None, *, whole_only: bool) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError  # noqa: TRY301, TRY004 - YAML's true must not count as 1
        result = float(value)
        if whole_only and not result.is_integer():
            raise ValueError  # noqa: TRY301 - one message for all that is no such number
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no {'whole ' if whole_only else ''}number") from None
    if not low <= result <= (float("inf") if high is None else high):
        limits = f"{low} or more" if high is None else f"between {low} and {high}"
        raise ValueError(f"{value} is not {limits}")
    return result


def choice(*values: str) -> Kind:
    """Return the kind of one word out of ``values``."""

    def parse(value: Any) -> str:
        text = _text(value)
        if text not in values:
            raise ValueError(
                f"{text!r} is not one of {', '.join(v or repr(v) for v in values)}"
                f"{did_you_mean(text, list(values))}"
            )
        return text

    return Kind("|".join(value for value in values if value), parse)


def subset(*values: str) -> Kind:
    """Return the kind of lists of words out of ``values``."""

    def parse(value: Any) -> tuple[str, ...]:
        one = choice(*values)
        return tuple(one.parse(word) for word in _words(value))

    return Kind("NAME", parse, show=list, many=True)


TEXT = Kind("TEXT", _text)
SWITCH = Kind("", _switch)
DURATION = Kind("TIME", parse_duration, show=format_duration)
WORDS = Kind("NAME", lambda value: tuple(_words(value)), show=list, many=True)


def records(of: type[Any]) -> Kind:
    """Return the kind of lists of JSON objects, each the fields of the dataclass ``of``."""
    names = [item.name for item in fields(of)]

    def one(value: Any) -> Any:
        entry = json_value(value)
        if not isinstance(entry, Mapping):
            raise ValueError(f"{value!r} is no JSON object")  # noqa: TRY004 - a bad value, not a bad call
        for name in entry:
            if name not in names:
                raise ValueError(f"unknown field {name!r}{did_you_mean(str(name), names)}")
        if not entry.get("name"):
            raise ValueError("needs a field 'name'")
        return of(**{name: _text(text) for name, text in entry.items()})

    def parse(value: Any) -> tuple[Any, ...]:
        items = [json_value(item) for item in (value if isinstance(value, list) else [value])]
        flat = [entry for item in items for entry in (item if isinstance(item, list) else [item])]
        return tuple(one(entry) for entry in flat)

    return Kind("JSON", parse, show=lambda value: [vars_of(entry) for entry in value], many=True)


def vars_of(record: Any) -> dict[str, Any]:
    """Return a dataclass instance as a flat dict, slots or not."""
    return {item.name: getattr(record, item.name) for item in fields(record)}
