"""Which stages of disaggregated serving a pod takes part in (llm-d's role label)."""

from collections.abc import Sequence

from epp.api.endpoint import Candidate

ROLE_LABEL = "llm-d.ai/role"
BOTH = "both"
"""Deprecated, means prefill-decode."""


def with_role(
    candidates: Sequence[Candidate], stage: str, *, keeps_unlabelled: bool = False
) -> list[Candidate]:
    """Return those whose role includes a stage.

    Args:
        candidates: to choose from.
        stage: ``encode``, ``prefill`` or ``decode``.
        keeps_unlabelled: whether pods that have no role are kept too.
    """
    roles = _ROLES[stage]
    kept = []
    for candidate in candidates:
        role = candidate.endpoint.labels.get(ROLE_LABEL)
        if keeps_unlabelled if role is None else role in roles:
            kept.append(candidate)
    return kept


_ALL = "encode-prefill-decode"
_ROLES = {
    "encode": frozenset({"encode", "encode-prefill", "encode-decode", _ALL}),
    "prefill": frozenset({"prefill", "encode-prefill", "prefill-decode", _ALL, BOTH}),
    "decode": frozenset({"decode", "encode-decode", "prefill-decode", _ALL, BOTH}),
}
