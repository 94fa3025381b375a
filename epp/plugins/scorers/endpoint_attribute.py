"""endpoint-attribute-scorer: any figure of an endpoint as a score.

What:
    Prefers endpoints of which some attribute, for example a figure of their own metrics, is low, or
    is high.

Formula:
    (value - min) / (max - min), and 1 minus that where lower is better. The bounds are fixed, and
    values outside count as the nearer one; or they are the least and the greatest value of the
    candidates, and all score 1 when these are equal. 0 where the attribute is missing or no number.

Reads:
    Attributes of endpoints that a producer or extractor has found.

Parameters:
    attributeKey: its name.
    algorithm: type linear_lower_is_better or linear_higher_is_better, and the normalization, which
        is a fixedRange with min and max, or the adaptiveRange.
    producer: who found it; the first one by default.

When to use:
    When a figure that no other scorer knows tells good endpoints from bad ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.scheduling.figures import attribute, share_between


@dataclass(frozen=True, slots=True)
class FixedRange:
    """Bounds that do not change."""

    min: Annotated[float, Param("Value at one end.")]
    max: Annotated[float, Param("Value at the other end; greater than min.")]


@dataclass(frozen=True, slots=True)
class Normalization:
    """What becomes 0 and 1."""

    fixed_range: Annotated[FixedRange | None, Param("These bounds.")] = None
    adaptive_range: Annotated[
        Mapping[str, Any] | None, Param("The bounds of the candidates; it has no fields.")
    ] = None


@dataclass(frozen=True, slots=True)
class LinearScore:
    """How the attribute becomes a score."""

    type: Annotated[
        Literal["linear_lower_is_better", "linear_higher_is_better"], Param("Which end is good.")
    ]
    normalization: Annotated[
        Normalization | None, Param("What becomes 0 and 1; the adaptive range by default.")
    ] = None


@plugin("endpoint-attribute-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class EndpointAttributeScorer:
    """Scores by one attribute."""

    attribute_key: Annotated[str, Param("Name of the attribute.", minimum=1)]
    algorithm: Annotated[LinearScore, Param("How it becomes a score.")]
    producer: Annotated[str, Param("Who found it; the first one by default.")] = ""

    def __post_init__(self) -> None:
        how = self.algorithm.normalization
        if not how:
            return
        if how.fixed_range and how.adaptive_range is not None:
            raise ValueError("normalization: fixedRange or adaptiveRange, not both")
        if how.adaptive_range:
            raise ValueError("normalization: adaptiveRange has no fields")
        if how.fixed_range and not how.fixed_range.min < how.fixed_range.max:
            raise ValueError("normalization: min must be less than max")

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return where between its bounds the attribute of each is."""
        values = attribute(request, candidates, self.attribute_key, self.producer)
        how = self.algorithm.normalization
        fixed = how.fixed_range if how else None
        if fixed:
            low, high = fixed.min, fixed.max
        else:
            finite = [value for value in values if value is not None and isfinite(value)]
            low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
        if low == high:
            return [1.0 if value == low else 0.0 for value in values]
        shares = [None if value is None else share_between(value, low, high) for value in values]
        if self.algorithm.type == "linear_lower_is_better":
            return [0.0 if share is None else 1.0 - share for share in shares]
        return [share or 0.0 for share in shares]
