"""endpoint-attribute-filter: only endpoints with a figure in bounds.

What:
    Keeps the endpoints of which some attribute, for example a figure of their own metrics, is
    within a bound.

Formula:
    Kept when "attribute operator value" holds. Where the attribute is missing or no number,
    onMissing decides. If none would be kept, fallbackOnEmpty keeps all.

Reads:
    Attributes of endpoints that a producer or extractor has found.

Parameters:
    attribute: its name.
    algorithm: type threshold, and the threshold with its operator and value.
    producer: who found it; the first one by default.
    onMissing: Pass keeps endpoints without the attribute, Fail does not.
    fallbackOnEmpty: keep all when none would be kept.

When to use:
    When a figure that no other plugin knows says that an endpoint must not get more, for example
    the temperature of its accelerator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Annotated, Any, Literal

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.figures import attribute

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "LessThan": lt,
    "LessThanOrEqual": le,
    "GreaterThan": gt,
    "GreaterThanOrEqual": ge,
    "Equal": eq,
    "NotEqual": ne,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound."""

    operator: Annotated[
        Literal[
            "LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual", "Equal", "NotEqual"
        ],
        Param("How the attribute compares with the value."),
    ]
    value: Annotated[float, Param("What it is compared with.")]


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """How endpoints are told apart."""

    type: Annotated[Literal["threshold"], Param("Kind of test.")]
    threshold: Annotated[Threshold | None, Param("The bound.")] = None


@plugin("endpoint-attribute-filter", Family.FILTER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class EndpointAttributeFilter:
    """Keeps who has an attribute in bounds."""

    attribute: Annotated[str, Param("Name of the attribute.", minimum=1)]
    algorithm: Annotated[AttributeTest, Param("How endpoints are told apart by it.")]
    producer: Annotated[str, Param("Who found it; the first one by default.")] = ""
    on_missing: Annotated[
        Literal["Pass", "Fail"], Param("Whether endpoints without it are kept.")
    ] = "Pass"
    fallback_on_empty: Annotated[bool, Param("Keep all when none would be kept.")] = False

    def __post_init__(self) -> None:
        if self.algorithm.threshold is None:
            raise ValueError("algorithm: a threshold is needed, with operator and value")

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those whose attribute is in bounds."""
        threshold = self.algorithm.threshold
        if threshold is None:
            return candidates
        holds, bound = _COMPARISONS[threshold.operator], threshold.value
        keeps_missing = self.on_missing == "Pass"
        values = attribute(request, candidates, self.attribute, self.producer)
        kept = [
            candidate
            for candidate, value in zip(candidates, values, strict=True)
            if (keeps_missing if value is None else holds(value, bound))
        ]
        return kept or (candidates if self.fallback_on_empty else kept)
