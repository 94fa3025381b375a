"""Label selectors with the meaning they have in Kubernetes (LabelSelector of apimachinery)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from epp.api.parameters import Param

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """What a label must be."""

    key: Annotated[str, Param("Key of the label.", minimum=1)]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"], Param("How to compare its value.")
    ]
    values: Annotated[tuple[str, ...], Param("Values to compare it with; for In and NotIn.")] = ()

    def is_met_by(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels are so; NotIn also holds for who has no such label."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        return (value is None) is (self.operator == "DoesNotExist")


def is_label_key(text: str) -> bool:
    """Tell whether this can be the key of a label: a name, maybe behind a DNS name and ``/``."""
    prefix, slash, name = text.rpartition("/")
    return bool(_NAME.fullmatch(name)) and (not slash or bool(_PREFIX.fullmatch(prefix)))


def is_label_value(text: object) -> bool:
    """Tell whether this can be the value of a label; it may be empty."""
    return isinstance(text, str) and (not text or bool(_NAME.fullmatch(text)))


def check_selector(
    match_labels: Mapping[str, Any] | None, match_expressions: tuple[LabelRequirement, ...]
) -> None:
    """Check what the types of a selector cannot say.

    Raises:
        ValueError: a key or value can never be a label's, or an operator has not the values it
            needs.
    """
    for key, value in (match_labels or {}).items():
        _check("matchLabels", key, (value,))
    for requirement in match_expressions:
        takes_values = requirement.operator in ("In", "NotIn")
        if takes_values and not requirement.values:
            raise ValueError(f"matchExpressions: {requirement.operator} needs values")
        if requirement.values and not takes_values:
            raise ValueError(f"matchExpressions: {requirement.operator} takes no values")
        _check("matchExpressions", requirement.key, requirement.values)


def _check(where: str, key: str, values: tuple[Any, ...]) -> None:
    if not is_label_key(key):
        raise ValueError(f"{where}: {key!r} is not a label key")
    for value in values:
        if not is_label_value(value):
            raise ValueError(f"{where}: {value!r} is not a label value")


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether all wanted labels are there with these values."""
    return not wanted or all(labels.get(key) == value for key, value in wanted.items())


def parse_selector(text: str) -> tuple[LabelRequirement, ...]:
    """Return what a selector in text form requires, for example ``a=b,c!=d,e in (f,g),!h``.

    Raises:
        ValueError: it is not one.
    """
    terms = re.split(r",(?![^(]*\))", text)
    requirements = tuple(_requirement(term.strip()) for term in terms)
    check_selector(None, requirements)
    return requirements


def _requirement(term: str) -> LabelRequirement:
    if match := re.fullmatch(r"(\S+?)\s*(==|=|!=)\s*(\S*)", term):
        return LabelRequirement(match[1], "NotIn" if match[2] == "!=" else "In", (match[3],))
    if match := re.fullmatch(r"(\S+)\s+(in|notin)\s*\(([^()]*)\)", term):
        values = tuple(value.strip() for value in match[3].split(","))
        return LabelRequirement(match[1], "In" if match[2] == "in" else "NotIn", values)
    if match := re.fullmatch(r"(!?)\s*(\S+)", term):
        return LabelRequirement(match[2], "DoesNotExist" if match[1] else "Exists")
    raise ValueError(f"{term!r} is not a label requirement")
