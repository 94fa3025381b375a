"""Answers for programs: JSON and YAML of the same values, whose keys only become more."""

import json
from typing import Any

from gaiectl.console import terminal


def show(answer: Any, *, as_yaml: bool) -> None:
    """Write an answer to stdout."""
    terminal.data(text(answer, as_yaml=as_yaml))


def text(answer: Any, *, as_yaml: bool) -> str:
    """Return an answer as a text, with no line end after it."""
    if as_yaml:
        from gaiectl.documents import dump  # noqa: PLC0415 - 20 ms, for who wants YAML

        plain = json.loads(json.dumps(answer))  # YAML has other words for tuples and enums
        return dump([plain]).removeprefix("---\n").rstrip("\n")
    return json.dumps(answer, indent=2)
