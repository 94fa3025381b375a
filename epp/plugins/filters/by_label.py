"""by-label: only pods whose label has one of these values.

What:
    Keeps the endpoints whose pods have a label with one of the listed values.

Formula:
    Kept when the label's value is among validValues; a pod without the label is kept if
    allowsNoLabel says so.

Reads:
    Labels of the endpoints' pods.

Parameters:
    label: key of the label.
    validValues: the values that are kept.
    allowsNoLabel: keep pods without the label as well.

When to use:
    Only in configurations that have it already: label-selector-filter replaces it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.labels import is_label_key


@plugin("by-label", Family.FILTER, successor="label-selector-filter")
@dataclass(frozen=True, slots=True)
class ByLabel:
    """Keeps who has one of some values."""

    label: Annotated[str, Param("Key of the label.", minimum=1)]
    valid_values: Annotated[tuple[str, ...], Param("Values that are kept.")] = ()
    allows_no_label: Annotated[bool, Param("Keep pods without the label too.")] = False

    def __post_init__(self) -> None:
        if not is_label_key(self.label):
            raise ValueError(f"label: {self.label!r} is not a label key")
        if not (self.valid_values or self.allows_no_label):
            raise ValueError("neither validValues nor allowsNoLabel: nothing could ever be kept")

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those whose label has one of the values."""
        del request
        kept = []
        for candidate in candidates:
            value = candidate.endpoint.labels.get(self.label)
            if self.allows_no_label if value is None else value in self.valid_values:
                kept.append(candidate)
        return kept
