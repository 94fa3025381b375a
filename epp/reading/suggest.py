"""Hints for names that do not exist."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 12


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint: the known name that was probably meant, or all of them if they are few."""
    by_shape = {_shape(name): name for name in known}
    close = get_close_matches(_shape(word[:80]), by_shape, n=1, cutoff=0.7)
    if close:
        return f"did you mean {by_shape[close[0]]!r}?"
    if len(by_shape) > MOST_LISTED:
        return "none of the known ones is like it"
    return f"known: {', '.join(sorted(by_shape.values()))}" if by_shape else "there are none"


def _shape(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
