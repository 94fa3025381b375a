"""header-label-affinity-scorer: the client says which kind of pod it prefers.

What:
    Prefers endpoints whose label has the value of a request header.

Formula:
    1 when the label equals the header, else 0; 0 for all without the header.

Reads:
    One header of the request; labels of the endpoints' pods.

Parameters:
    headerName: the header.
    labelKey: key of the label.

When to use:
    When a client, or what coordinates stages before it, knows where the request is best served, for
    example which slice holds what it needs; others still may serve it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import Family, plugin
from epp.api.request import Request


@plugin("header-label-affinity-scorer", Family.SCORER, is_alpha=True)
@dataclass(frozen=True, slots=True)
class HeaderLabelAffinityScorer:
    """Scores by a label that a header asks for."""

    header_name: Annotated[str, Param("Header with the wanted value.", minimum=1)]
    label_key: Annotated[str, Param("Key of the label.", minimum=1)]

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for those whose label is what the header says."""
        wanted = request.headers.get(self.header_name.lower())
        if not wanted:
            return [0.0] * len(candidates)
        key = self.label_key
        return [1.0 if c.endpoint.labels.get(key) == wanted else 0.0 for c in candidates]
