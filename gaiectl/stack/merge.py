"""Layers of values: the upper one wins, field by field."""

from collections.abc import Mapping
from typing import Any


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both; mappings are merged, everything else is taken whole from the upper one."""
    made = dict(below)
    for name, value in above.items():
        old = made.get(name)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        made[name] = merged(old, value) if both else value  # type: ignore[arg-type] # see both
    return made
