"""request-attribute-reporter: tells the proxy what a request has cost.

What:
    Computes a whole number from the token counts of a response and sends it as dynamic metadata
    with the last part of the body. Nothing is sent if the result is 0 or no number, if the
    condition does not hold, or if there are no token counts.

Formula:
    ``expression``, in CEL, of ``usage.prompt_tokens``, ``usage.completion_tokens``,
    ``usage.total_tokens`` and ``usage.prompt_tokens_details.cached_tokens``, which are doubles.

Reads:
    The response's token counts. So it needs the bodies of responses: a gateway in full duplex, or
    ``--response-observation full``.

Parameters:
    attributes: exactly one, with its key, the expression and a condition.

When to use:
    Where the gateway bills or limits by tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from epp.api.parameters import Param
from epp.api.plugin import NOTHING_REPORTED
from epp.api.registry import Family, plugin
from epp.api.request import Request, Usage
from epp.parsing.cel import Expression, Failed, compiled

_VARIABLES = frozenset(("usage",))


@dataclass(frozen=True, slots=True)
class AttributeKey:
    """Where the number goes."""

    name: Annotated[str, Param("Name in the namespace.", minimum=1)]
    namespace: Annotated[str, Param("Namespace of the dynamic metadata.")] = "envoy.lb"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One number to report."""

    key: Annotated[AttributeKey, Param("Where the number goes.")]
    expression: Annotated[str, Param("CEL over usage, with a whole number as result.", minimum=1)]
    condition: Annotated[str, Param("CEL over usage: whether to report; empty is always.")] = ""


@plugin("request-attribute-reporter", Family.RESPONSE_HOOK)
@dataclass(frozen=True, slots=True)
class RequestAttributeReporter:
    """Reports one number of each response."""

    attributes: Annotated[tuple[Attribute, ...], Param("Exactly one.")]
    _expression: Expression = field(init=False, repr=False, compare=False)
    _condition: Expression | None = field(init=False, repr=False, compare=False)

    needs_response: ClassVar[str] = "body"
    response_role: ClassVar[str] = "function"

    def __post_init__(self) -> None:
        if len(self.attributes) != 1:
            raise ValueError(f"attributes has {len(self.attributes)} entries, it takes exactly one")
        given = self.attributes[0]
        condition = _compiled("condition", given.condition) if given.condition else None
        object.__setattr__(self, "_expression", _compiled("expression", given.expression))
        object.__setattr__(self, "_condition", condition)

    def report(
        self, request: Request | None, usage: Usage | None
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return the number under its key."""
        del request
        if usage is None:
            return NOTHING_REPORTED
        variables = {"usage": _fields(usage)}
        try:
            if self._condition is not None and self._condition(variables) is not True:
                return NOTHING_REPORTED
            number = self._expression(variables)
        except Failed:
            return NOTHING_REPORTED
        if isinstance(number, bool) or not isinstance(number, int | float):
            return NOTHING_REPORTED
        # Neither infinite nor not a number.
        if not abs(number) < 2**63 or not int(number):
            return NOTHING_REPORTED
        key = self.attributes[0].key
        return {key.namespace or "envoy.lb": {key.name: int(number)}}


def _compiled(name: str, text: str) -> Expression:
    try:
        return compiled(text, _VARIABLES)
    except ValueError as error:
        raise ValueError(f"attributes[0].{name}: {error}") from None


def _fields(usage: Usage) -> dict[str, Any]:
    details = {"cached_tokens": float(usage.cached_tokens)}
    return {
        "prompt_tokens": float(usage.prompt_tokens),
        "completion_tokens": float(usage.completion_tokens),
        "total_tokens": float(usage.total_tokens),
        "prompt_tokens_details": details,
        "prompt_token_details": details,
    }
