"""Complaints that say nothing yet about values to which more will be added.

A values file leaves to the chart's defaults what it does not state, and ``--set`` adds to both.
"""

from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_LACKING = frozenset(
    ("required", "dependencies", "dependentRequired", "minItems", "minProperties", "contains")
)
_CONDITIONS = frozenset(("if", "then", "else", "not", "dependentSchemas"))
_OF_KIND = frozenset(("type", "enum", "const"))


class Partial(IntEnum):
    """What may yet be added to a value."""

    NOTHING = 0
    FIELDS = 1
    """Fields of maps; a list takes the place of another one as a whole."""
    ITEMS = 2
    """Fields of maps, and items of lists."""


def may_be_mended(error: "ValidationError", partial: Partial) -> bool:
    """Say whether a value with more in it could satisfy the schema.

    A null counts as mended: Helm takes it for the wish to drop a default.
    """
    if partial is Partial.NOTHING:
        return False
    if not _CONDITIONS.isdisjoint(error.schema_path):
        return True
    if partial is Partial.FIELDS and _is_in_list(error):
        return False
    kind: Any = error.kind
    if kind.name in _LACKING:
        return True
    if kind.name in _OF_KIND:
        return error.instance is None
    if kind.name in ("anyOf", "oneOf"):
        return any(
            all(may_be_mended(inner, partial) for inner in branch) for branch in kind.context
        )
    return False


def _is_in_list(error: "ValidationError") -> bool:
    is_list = isinstance(error.instance, list)
    return is_list or any(isinstance(step, int) for step in error.instance_path)
