"""decode-filter: only pods that write answers.

What:
    Keeps the endpoints whose role in disaggregated serving includes the decode stage.

Formula:
    Kept when the label llm-d.ai/role is decode, encode-decode, prefill-decode,
    encode-prefill-decode or both, an old word for prefill-decode; or when there is no such label.

Reads:
    Labels of the endpoints' pods.

Parameters:
    None.

When to use:
    First in the profile that chooses where answers are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.roles import with_role


@filter_("decode-filter")
@dataclass(frozen=True, slots=True)
class DecodeFilter:
    """Keeps who can decode."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those whose role includes the stage, or who have none."""
        del request
        return with_role(candidates, "decode", keeps_unlabelled=True)
