"""prefill-filter: only pods that read prompts.

What:
    Keeps the endpoints whose role in disaggregated serving includes the prefill stage.

Formula:
    Kept when the label llm-d.ai/role is prefill, encode-prefill, prefill-decode,
    encode-prefill-decode or both, an old word for prefill-decode. Pods without the label are not
    kept.

Reads:
    Labels of the endpoints' pods.

Parameters:
    None.

When to use:
    First in the profile that chooses where prompts are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.roles import with_role


@filter_("prefill-filter")
@dataclass(frozen=True, slots=True)
class PrefillFilter:
    """Keeps who can prefill."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those whose role includes the stage."""
        del request
        return with_role(candidates, "prefill")
