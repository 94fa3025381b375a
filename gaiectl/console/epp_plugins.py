"""The reference of plugin types: an overview by family, and a page for each."""

import json
import sys
from itertools import groupby
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

from gaiectl.console import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from epp.config import TypeEntry
    from epp.config.catalogue import ParameterEntry

_WIDTH = 80
_INDENT = "  "


def _wrap(text: str, first: str = "", rest: str = "", width: int = _WIDTH) -> list[str]:
    """Return lines; names with hyphens stay whole."""
    return TextWrapper(width, first, rest, break_on_hyphens=False, break_long_words=False).wrap(
        text
    )


def as_json(entry: "TypeEntry") -> dict[str, Any]:
    """Return a type as JSON values."""
    parameters = [parameter._asdict() for parameter in entry.parameters]
    return {**entry._asdict(), "parameters": parameters}


def overview(entries: "Iterable[TypeEntry]") -> str:
    """Return one line for each type, or two, under the names of families."""
    blocks = [
        "\n".join([_heading(f"{family}s".replace("ys", "ies")), *_listed(list(members))])
        for family, members in groupby(entries, key=lambda entry: entry.family)
    ]
    return "\n\n".join(blocks)


def _listed(members: "list[TypeEntry]") -> "Iterator[str]":
    for entry in members:
        name = f"{_INDENT}{entry.type}"
        text = _short(entry)
        line = f"{name:<34}  {text}"
        if len(name) <= 34 and len(line) <= _WIDTH:
            yield line
        else:
            yield name
            yield from _wrap(text, " " * 6, " " * 6)


def _short(entry: "TypeEntry") -> str:
    if entry.successors:
        return f"deprecated: use {' and '.join(entry.successors)}"
    return f"{entry.summary.rstrip('.')}{' (experimental)' if entry.is_alpha else ''}"


def page(entry: "TypeEntry") -> str:
    """Return all that is to be said of a type, 80 columns wide."""
    kinds = ", ".join([entry.family, *entry.also])
    blocks = ["\n".join(_wrap(f"{entry.type} ({kinds}): {entry.summary}"))]
    if entry.successors:
        blocks.append(f"Deprecated: use {' and '.join(entry.successors)}.")
    blocks += [f"{_heading(name)}\n{_indented(text)}" for name, text in entry.sections.items()]
    position = next(
        (i for i, b in enumerate(blocks) if "When to use" in b.partition("\n")[0]), None
    )
    parameters = "\n".join([_heading("Parameters"), *_parameters(entry.parameters)])
    blocks.insert(len(blocks) if position is None else position, parameters)
    blocks.append(f"{_heading('Releases')}\n{_INDENT}{_releases(entry)}")
    return "\n\n".join(blocks)


def _indented(text: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        "\n".join(f"{_INDENT}{line}".rstrip() for line in _filled(paragraph))
        for paragraph in paragraphs
    )


def _filled(paragraph: str) -> list[str]:
    """Return a paragraph filled anew; of one with indented lines, such as a table, each line."""
    lines, width = paragraph.splitlines(), _WIDTH - len(_INDENT)
    if not (lines[0].startswith(("- ", "|")) or any(line.startswith(" ") for line in lines)):
        return _wrap(" ".join(lines), width=width)
    indents = [line[: len(line) - len(line.lstrip())] for line in lines]
    kept = zip(lines, indents, strict=True)
    return [part for line, indent in kept for part in _wrap(line, "", f"{indent}  ", width)]


def _parameters(parameters: "Iterable[ParameterEntry]") -> "Iterator[str]":
    lines = [line for parameter in parameters for line in _parameter(parameter)]
    yield from lines or [f"{_INDENT}None."]


def _parameter(parameter: "ParameterEntry") -> "Iterator[str]":
    if parameter.required:
        default = "required"
    elif parameter.default in (None, "", []):
        default = ""
    else:
        default = f"default {_written(parameter.default)}"
    facts = ", ".join(fact for fact in (parameter.type, parameter.range, default) if fact)
    yield from _wrap(f"{parameter.name}: {facts}", "  ", "      ")
    if parameter.description:
        yield from _wrap(parameter.description, " " * 6, " " * 6)


def _written(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) else json.dumps(default)


def _releases(entry: "TypeEntry") -> str:
    from epp.config.releases import releases_of  # noqa: PLC0415 - heavy; --help imports us

    others = releases_of(entry.releases)
    return f"this EPP, {others}" if others else "this EPP only"


def _heading(text: str) -> str:
    return terminal.paint(text[:1].upper() + text[1:], "bold", sys.stdout)
