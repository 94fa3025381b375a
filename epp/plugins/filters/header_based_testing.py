"""header-based-testing-filter: the client says which endpoints, for conformance tests.

What:
    Keeps the endpoints that the request names.

Formula:
    The header test-epp-endpoint-selection lists addresses, IP or IP:port, with commas between.
    Those in the pool are kept in the order of the header, one for each IP. Without the header, or
    with an empty one, none is kept, which is answered with 429.

Reads:
    The header; addresses of the endpoints.

Parameters:
    None.

When to use:
    In conformance tests of gateways only: it lets any client choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request

HEADER = "test-epp-endpoint-selection"


@filter_("header-based-testing-filter")
@dataclass(frozen=True, slots=True)
class HeaderBasedTestingFilter:
    """Keeps whom a header names."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those named, in the order of the header."""
        kept: dict[str, Candidate] = {}
        for entry in request.headers.get(HEADER, "").split(","):
            wanted = entry.strip()
            for candidate in candidates:
                endpoint = candidate.endpoint
                if wanted in (endpoint.address, f"[{endpoint.address}]", endpoint.host_port):
                    kept.setdefault(endpoint.address, candidate)
                    break
        return list(kept.values())
