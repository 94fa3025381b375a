"""label-selector-filter: only pods with these labels.

What:
    Keeps the endpoints whose pod labels match a Kubernetes label selector.

Formula:
    Kept when every entry of matchLabels and every requirement of matchExpressions holds. In and
    NotIn compare with a list of values, and NotIn also holds for pods without the label; Exists and
    DoesNotExist ask for the label alone. Without any, all are kept.

Reads:
    Labels of the endpoints' pods.

Parameters:
    matchLabels: labels that must be there with exactly these values.
    matchExpressions: requirements, each with key, operator and values.

When to use:
    When one pool has several kinds of servers, and a profile shall use one kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, filter_, plugin
from epp.api.request import Request
from epp.scheduling.labels import LabelRequirement, check_selector, has_labels


@plugin("by-label-selector", Family.FILTER, successor="label-selector-filter")
@filter_("label-selector-filter")
@dataclass(frozen=True, slots=True)
class LabelSelectorFilter:
    """Keeps who matches a label selector."""

    match_labels: Annotated[
        Mapping[str, Any] | None, Param("Labels that must have exactly these values.")
    ] = None
    match_expressions: Annotated[
        tuple[LabelRequirement, ...], Param("Further requirements; all must hold.")
    ] = ()

    def __post_init__(self) -> None:
        check_selector(self.match_labels, self.match_expressions)

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those whose labels match."""
        del request
        kept = list(candidates)
        if wanted := self.match_labels:
            kept = [c for c in kept if has_labels(c.endpoint.labels, wanted)]
        for requirement in self.match_expressions:
            is_met_by = requirement.is_met_by
            kept = [c for c in kept if is_met_by(c.endpoint.labels)]
        return kept
