"""destination-endpoint-served-verifier: shows clients which endpoint has served them.

What:
    Copies what the gateway says of the endpoint that served into the response header
    ``x-conformance-test-served-endpoint``; where it says nothing, the header tells so.

Formula:
    None.

Reads:
    ``x-gateway-destination-endpoint-served`` in the metadata of the response's headers. So it needs
    these: a gateway in full duplex, or ``--response-observation headers``.

Parameters:
    None.

When to use:
    In conformance tests of gateways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from epp.api.plugin import ResponseHead
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request

HEADER = "x-conformance-test-served-endpoint"
_MISSING = "fail: the gateway does not say which endpoint has served"


@plugin("destination-endpoint-served-verifier", Family.RESPONSE_HOOK)
@dataclass(frozen=True, slots=True)
class DestinationEndpointServedVerifier:
    """Tells who served."""

    needs_response: ClassVar[str] = "headers"
    response_role: ClassVar[str] = "function"

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        """Return the header."""
        del request, decision
        return ((HEADER, response.served or _MISSING),)
