"""What an installation would change, as a unified diff and as JSON."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gaiectl.console import terminal
from gaiectl.console.installing import title
from gaiectl.operations.diff import Change

_COLOURS = {"+": "green", "-": "red", "@": "dim"}
_VERBS = ("created", "configured", "pruned", "unchanged")


def show(changes: Sequence[Change]) -> None:
    """Write the diff of each object that would change."""
    for change in changes:
        for line in change.lines():
            terminal.data(_painted(line))


def summary(changes: Sequence[Change]) -> str:
    """Return how many objects would change how: ``1 created, 11 unchanged``."""
    counts = Counter(change.verb for change in changes)
    return ", ".join(f"{counts[verb]} {verb}" for verb in _VERBS if counts[verb]) or "no objects"


def as_json(changes: Sequence[Change], name: str, namespace: str) -> dict[str, Any]:
    """Return the changes for programs."""
    return {
        "apiVersion": "gaiectl/v1",
        "kind": "Diff",
        "name": name,
        "namespace": namespace,
        "changes": [
            {
                "object": title(change.who),
                "group": change.who.group,
                "kind": change.who.kind,
                "name": change.who.name,
                "namespace": change.who.namespace,
                "change": change.verb,
                "diff": "\n".join(change.lines()),
            }
            for change in changes
        ],
    }


def _painted(line: str) -> str:
    if line.startswith(("---", "+++")):
        return terminal.paint(line, "bold", sys.stdout)
    colour = _COLOURS.get(line[:1])
    return terminal.paint(line, colour, sys.stdout) if colour else line
