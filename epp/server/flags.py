"""Parses command line flags by the rules of Go's pflag.

``--name value`` and ``--name=value``; a boolean never takes the next argument (``--x false`` is
``x=true`` and a stray ``false``), and stray positional arguments are ignored: the Helm charts pass
flags as separate arguments and rely on both. An unknown flag is an error.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from typing import Any, Final

from epp.extproc import observation
from epp.server.options import CHOICES, DURATION, INTEGERS, LOG_LEVELS, QUANTITY, SHARE, Options

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_DURATION_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST_SECONDS: Final = 2**63 / 1e9
_QUANTITY: Final = re.compile(
    r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE
)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_MOST_DIGITS: Final = 200  # more are out of range anyway, and slow to read
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+")
# Underscores may stand between digits, and behind the mark of a base.
_LITERAL: Final = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)"
)
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "T", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "F", "0"), False),
}


class FlagError(Exception):
    """The command line cannot be used."""


class HelpRequested(Exception):
    """``--help`` was given."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a command line says.

    Attributes:
        options: the flags.
        given: names of the options that were set explicitly.
        strays: positional arguments, ignored.
        arguments: the command line itself.
    """

    options: Options
    given: frozenset[str]
    strays: tuple[str, ...]
    arguments: tuple[str, ...] = ()


def parse_duration(text: str) -> float:
    """Return the seconds of a Go duration such as ``50ms`` or ``1m30s``.

    Raises:
        ValueError: not a duration.
    """
    sign = -1.0 if text.startswith("-") else 1.0
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    parts = _DURATION_PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f"{text!r} is not a duration such as 50ms, 2s or 1m30s")
    seconds: float = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds >= _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is longer than a duration can be")
    return sign * seconds


def parse(arguments: Sequence[str]) -> Parsed:
    """Parse the arguments after the program's name.

    Raises:
        FlagError: unknown flag, missing or malformed value, impossible combination.
        HelpRequested: help was asked for.
    """
    known = {field.name.replace("_", "-"): field for field in fields(Options)}
    values: dict[str, Any] = {}
    strays: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            strays += rest
            break
        if not argument.startswith("-") or argument == "-":
            strays.append(argument)
            continue
        name, has_value, text = _split(argument)
        if name in ("h", "help"):
            raise HelpRequested
        field = known.get(name)
        if field is None or (not argument.startswith("--") and name != "v"):
            raise FlagError(_unknown(argument.partition("=")[0], known))
        if not has_value:
            if field.type is bool:
                text = "true"
            elif rest:
                text = rest.pop(0)
            else:
                raise FlagError(f"flag --{name} needs a value")
        _store(values, field, name, text)
    options = Options(**values)
    _validate(options)
    return Parsed(options, frozenset(values), tuple(strays), tuple(arguments))


def _split(argument: str) -> tuple[str, str, str]:
    """Return name, equals sign or nothing, and value; ``-v4`` is ``-v=4``."""
    if not argument.startswith("--"):
        shorthand, value = argument[1], argument[2:]
        if shorthand == "v" and value:
            return shorthand, "=", value.removeprefix("=")
        return argument[1:].partition("=")
    name, has_value, text = argument[2:].partition("=")
    if not name or name.startswith("-"):
        raise FlagError(f"bad flag syntax: {argument}")
    return name, has_value, text


def _store(values: dict[str, Any], field: Field[Any], name: str, text: str) -> None:
    try:
        value = _convert(field, text)
    except ValueError as error:
        raise FlagError(f"flag --{name}: {error}") from None
    if field.metadata.get("kind") == INTEGERS:
        # repeated flags add up, duplicates count once
        value = tuple(dict.fromkeys((*values.get(field.name, ()), *value)))
    values[field.name] = value


def _convert(field: Field[Any], text: str) -> Any:
    kind = field.metadata.get("kind")
    if kind == DURATION:
        return parse_duration(text)
    if kind == QUANTITY:
        return parse_quantity(text)
    if kind == INTEGERS:
        return tuple(_decimal(part) for part in text.split(","))
    if kind == SHARE:
        return _share(text)
    if field.type is bool:
        if text not in _BOOLEANS:
            raise ValueError(f"{text!r} is not a boolean; use true or false")
        return _BOOLEANS[text]
    if field.type is int:
        return _integer(text)
    if field.name.startswith("zap_"):
        text = text.lower()  # as controller-runtime does
    choices = CHOICES.get(field.name)
    if choices and text not in choices:
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    # GAIE's charts quote names and paths of metrics once more than a shell would take away.
    is_quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1] if is_quoted and "_metric" in field.name else text


def parse_quantity(text: str) -> int:
    """Return the bytes of a size such as ``10MiB``, ``25MB`` or ``4194304``; 0 for an empty text.

    Raises:
        ValueError: not a size.
    """
    if not text:
        return 0
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 10MiB or 25MB")
    unit = 1024 if match[3] else 1000
    return int(float(match[1]) * unit ** _POWERS[(match[2] or "").lower()])


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not a number from 0 to 1")
    return share


def _decimal(text: str) -> int:
    """Read what Go's ``Atoi`` takes: no blanks, no underscores, base 10."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return _bounded(int(text[:_MOST_DIGITS]), text)


def _integer(text: str) -> int:
    """Read what Go's ``ParseInt`` with base 0 takes: also 0x1F, 0o17, 017, 0b11 and 1_000."""
    if not _LITERAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    bare = text.lower().lstrip("+-")
    is_old_octal = bare.startswith("0") and bare[1:2] not in ("", "x", "b", "o")
    value = int(f"0o{bare.lstrip('0_') or '0'}" if is_old_octal else bare[:_MOST_DIGITS], 0)
    return _bounded(-value if text.startswith("-") else value, text)


def _bounded(value: int, text: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{text[:30]!r} is out of range")
    return value


def _validate(options: Options) -> None:
    for name in ("grpc_port", "grpc_health_port", "metrics_port", "model_server_metrics_port"):
        if not 0 <= getattr(options, name) <= 65535:
            raise FlagError(f"flag --{name.replace('_', '-')} is not a port: 0 to 65535")
    if options.config_file and options.config_text:
        raise FlagError("give --config-file or --config-text, not both")
    for name in ("refresh_metrics_interval", "metrics_staleness_threshold"):
        if getattr(options, name) <= 0:
            raise FlagError(f"flag --{name.replace('_', '-')} must be above 0")
    level = options.zap_log_level
    if level and level not in LOG_LEVELS and not (level.isdecimal() and int(level) > 0):
        names = ", ".join(LOG_LEVELS)
        raise FlagError(
            f"flag --zap-log-level: {level!r} is not one of {names} or a number above 0"
        )
    if options.response_observation:
        try:
            observation.parse(options.response_observation)
        except ValueError as error:
            raise FlagError(f"flag --response-observation: {error}") from None
    if options.drain_timeout < 0:
        raise FlagError("flag --drain-timeout must not be negative")
    if options.max_request_body_bytes < 1:
        raise FlagError("flag --max-request-body-bytes must be above 0")


def _unknown(argument: str, known: dict[str, Field[Any]]) -> str:
    near = difflib.get_close_matches(argument.lstrip("-"), known, n=1)
    tail = f"; did you mean --{near[0]}?" if near else "; see --help"
    return f"unknown flag {argument}{tail}"


def help_text() -> str:
    """Return the help page, 80 columns wide."""
    lines = [
        "Usage: epp [flags]",
        "",
        "The Endpoint Picker: picks the model server for each request.",
        "",
    ]
    for field in fields(Options):
        kind = field.metadata.get("kind") or getattr(field.type, "__name__", "")
        default = _show(field)
        lines.append(f"  --{field.name.replace('_', '-')} {kind}{default}")
        lines.append(f"      {field.metadata['help']}")
    return "\n".join(lines) + "\n"


def _show(field: Field[Any]) -> str:
    if field.default in ("", ()):
        return ""
    if field.type is bool:
        return f" (default {str(field.default).lower()})"
    if field.metadata.get("kind") == DURATION:
        default: Any = field.default
        return f" (default {default * 1000:g}ms)" if default < 1 else f" (default {default:g}s)"
    return f" (default {field.default})"
