"""Fields of objects that may have any shape: what is not as it should be counts as absent."""

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


def at(value: Any, *steps: str) -> Any:
    """Return the value at nested fields; None when there is none."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def word(value: Any, *steps: str, default: str = "") -> str:
    """Return the text at nested fields."""
    found = at(value, *steps)
    return found if isinstance(found, str) and found else default


def whole(value: Any, *steps: str) -> int | None:
    """Return the whole number at nested fields."""
    found = at(value, *steps)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def parts(value: Any, *steps: str) -> list[Object]:
    """Return the maps in the list at nested fields."""
    found = at(value, *steps)
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list) else []


def pairs(value: Any, *steps: str) -> dict[str, str]:
    """Return the texts in the map at nested fields: labels, selectors."""
    found = at(value, *steps)
    items = found.items() if isinstance(found, Mapping) else ()
    return {key: text for key, text in items if isinstance(key, str) and isinstance(text, str)}


def namespace_of(document: Object) -> str:
    """Return the namespace of an object; empty when it is in none or does not say."""
    return word(document, "metadata", "namespace")


def name_of(document: Object) -> str:
    """Return the name of an object."""
    return word(document, "metadata", "name")
