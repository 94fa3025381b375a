"""encode-filter: only pods that turn images and sounds into embeddings.

What:
    Keeps the endpoints whose role in disaggregated serving includes the encode stage.

Formula:
    Kept when the label llm-d.ai/role is encode, encode-prefill, encode-decode or
    encode-prefill-decode. Pods without the label are not kept.

Reads:
    Labels of the endpoints' pods.

Parameters:
    None.

When to use:
    First in the profile that chooses where images and sounds are encoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.roles import with_role


@filter_("encode-filter")
@dataclass(frozen=True, slots=True)
class EncodeFilter:
    """Keeps who can encode."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those whose role includes the stage."""
        del request
        return with_role(candidates, "encode")
