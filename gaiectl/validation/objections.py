"""What is said against objects that were made of what the user wrote."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gaiectl.errors import GaieError

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[(\w+)=\"([^\"]*)\"\]|\[([^\]]+)\]")


class Objection(NamedTuple):
    """Something in an object that cannot stay as it is.

    Attributes:
        text: object, field and what is wrong: a line of the error's detail.
        field: path of the field, for example ``spec.template.spec.containers[0].image``.
        value: what stands there; None if nobody knows.
        origin: names of the user's values that the field is made from; empty if none is known.
    """

    text: str
    field: str
    value: Any
    origin: str


class Objected(GaieError):
    """Objects that a cluster refuses, or would refuse.

    Attributes:
        objections: each of them; their texts are the lines of the detail.
    """

    def __init__(self, message: str, *, hint: str, objections: Sequence[Objection]) -> None:
        lines = (one.text for one in objections)
        super().__init__(message, hint=hint, detail="\n".join(lines))
        self.objections = tuple(objections)


def value_at(document: Mapping[str, Any], field: str) -> Any:
    """Return what stands in a field, as API servers and we write its path; None if nothing does.

    An item of a list is named by its number or by a key: ``containers[name="epp"]``.
    """
    found: Any = document
    for step in _STEP.finditer(field):
        word, number, key, wanted, bracketed = step.groups()
        if number is not None:
            found = found[int(number)] if _has(found, int(number)) else None
        elif key is not None:
            items = found if isinstance(found, list) else ()
            named = (one for one in items if isinstance(one, dict) and one.get(key) == wanted)
            found = next(named, None)
        else:
            found = found.get(word or bracketed) if isinstance(found, dict) else None
    return found


def _has(found: Any, number: int) -> bool:
    return isinstance(found, list) and number < len(found)
