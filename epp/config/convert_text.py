"""YAML that is changed in place: comments, quotes and order stay."""

import warnings
from itertools import pairwise
from typing import Any


class NotConvertible(Exception):
    """The text is no configuration that could be changed."""


def read(text: str) -> tuple[Any, Any]:
    """Return what writes the text again, and the map that it is.

    Raises:
        NotConvertible: it is no YAML, or no map.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - 40 ms, for this verb only
    from ruamel.yaml.error import (  # noqa: PLC0415 - see above
        MarkedYAMLError,
        YAMLError,
        YAMLWarning,
    )

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.indent(mapping=2, sequence=_sequence_indent(text), offset=_sequence_indent(text) - 2)
    try:
        with warnings.catch_warnings():
            # YAML allows it: a name that is given to something else further down.
            warnings.simplefilter("ignore", YAMLWarning)
            document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise NotConvertible(f"{place}{error.problem or error.context}") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise NotConvertible(str(error).partition("\n")[0]) from None
    if not isinstance(document, dict):
        raise NotConvertible("it is no map of fields")
    return yaml, document


def _sequence_indent(text: str) -> int:
    """Return 4 if lists are indented below their field, as in the text's first list; else 2."""
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    for before, line in pairwise(lines):
        if line.lstrip().startswith("- ") and before.rstrip().endswith(":"):
            return 4 if len(line) - len(line.lstrip()) > _margin(before) else 2
    return 2


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" -"))


def rename(node: Any, old: str, new: str) -> None:
    """Rename a field; it keeps its place and its comments."""
    position = list(node).index(old)
    value = node[old]
    comment = node.ca.items.pop(old, None)
    del node[old]
    node.insert(position, new, value)
    if comment is not None:
        node.ca.items[new] = comment


def line_of(node: Any, key: Any) -> int:
    """Return the line in which a field stands; 0 if it is in no text."""
    try:
        return int(node.lc.key(key)[0]) + 1
    except (AttributeError, KeyError, TypeError):
        return 0
