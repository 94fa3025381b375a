"""disaggregatedset-rollout-screener: no request between two revisions.

What:
    Keeps the endpoints of one revision of a DisaggregatedSet, so that prefill and decode of a
    request never run on servers of different revisions.

Formula:
    A revision named by the request's header is kept alone. Otherwise one of the revisions that have
    every required role is chosen, with a chance in proportion to its weight: with mode sum its pods
    with a required role, with mode max-role its pods with that role of which there are the most in
    all. The same request, by its id, gets the same revision in all profiles and replicas. None is
    kept when no revision has every required role, or the named one has not. Mode disabled chooses
    nothing, and applies the header only.

Reads:
    The request's id, or the header x-llm-d-revision-decision-id; labels of the endpoints' pods.

Parameters:
    scope: labelSelector says which pods count.
    revisionGating: mode, requiredRoles, the keys of the labels with revision and role, and the
        header that names a revision and is set in responses too.

When to use:
    While DisaggregatedSets are rolled out. To be in plugins is enough: it screens the endpoints
    of every request before any profile runs, and profiles need not name it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal
from zlib import crc32

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import ResponseHead
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.scheduling.labels import LabelRequirement, parse_selector

_DECISION_ID = "x-llm-d-revision-decision-id"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which pods count."""

    label_selector: Annotated[str, Param("Selector of the pods, as text.", minimum=1)]


@dataclass(frozen=True, slots=True)
class RevisionGating:
    """How a revision is chosen."""

    mode: Annotated[Literal["sum", "max-role", "disabled"], Param("What a revision weighs.")]
    required_roles: Annotated[
        tuple[str, ...], Param("Roles that a revision must have to serve.")
    ] = ()
    revision_header_name: Annotated[
        str, Param("Header of request and response with the revision.", minimum=1)
    ] = "x-llm-d-disagg-revision"
    revision_label_key: Annotated[str, Param("Label with the revision.", minimum=1)] = (
        "disaggregatedset.x-k8s.io/revision"
    )
    role_label_key: Annotated[str, Param("Label with the role.", minimum=1)] = (
        "disaggregatedset.x-k8s.io/role"
    )
    disable_coordination: Annotated[
        bool, Param("Has no effect: choices by id need no coordination.")
    ] = False


@plugin("disaggregatedset-rollout-screener", Family.FILTER, is_alpha=True)
@dataclass(frozen=True, slots=True, eq=False)
class DisaggregatedsetRolloutScreener:
    """Keeps one revision."""

    scope: Annotated[Scope, Param("Which pods count.")]
    revision_gating: Annotated[RevisionGating, Param("How a revision is chosen.")]

    needs_response: ClassVar[str] = "headers"
    response_role: ClassVar[str] = "function"

    _selector: tuple[LabelRequirement, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        gating = self.revision_gating
        if gating.mode != "disabled" and not gating.required_roles:
            raise ValueError(f"revisionGating: mode {gating.mode} needs requiredRoles")
        object.__setattr__(self, "_selector", parse_selector(self.scope.label_selector))

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those of one revision."""
        return self.screen(request, candidates)

    def screen(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Do the same before any profile runs."""
        gating = self.revision_gating
        revision = request.headers.get(gating.revision_header_name.lower(), "")
        if gating.mode == "disabled":
            if not revision:
                return candidates
        else:
            weights = self._weights(candidates)
            if not revision:
                revision = request.scratch.get(self) or _chosen(request, weights)
                request.scratch[self] = revision
            if revision not in weights:
                return []
        key = gating.revision_label_key
        return [c for c in candidates if c.endpoint.labels.get(key) == revision]

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        """Return the header with the revision that serves."""
        del request, response
        gating = self.revision_gating
        labels = decision.primary.labels if decision else {}
        revision = labels.get(gating.revision_label_key)
        return ((gating.revision_header_name.lower(), revision),) if revision else ()

    def _weights(self, candidates: Sequence[Candidate]) -> Mapping[str, int]:
        """Return the weight of each revision that has every required role."""
        gating = self.revision_gating
        roles = gating.required_roles
        counts: dict[str, dict[str, int]] = {}
        for candidate in candidates:
            labels = candidate.endpoint.labels
            revision, role = (
                labels.get(gating.revision_label_key),
                labels.get(gating.role_label_key),
            )
            if revision and role in roles and all(r.is_met_by(labels) for r in self._selector):
                by_role = counts.setdefault(revision, dict.fromkeys(roles, 0))
                by_role[role] += 1
        covered = {name: by_role for name, by_role in counts.items() if all(by_role.values())}
        if gating.mode == "sum":
            return {name: sum(by_role.values()) for name, by_role in covered.items()}
        totals = {role: sum(by_role[role] for by_role in covered.values()) for role in roles}
        largest = max(roles, key=lambda role: totals[role])
        return {name: by_role[largest] for name, by_role in covered.items()}


def _chosen(request: Request, weights: Mapping[str, int]) -> str:
    """Return a revision, with a chance in proportion to its weight; empty when there is none."""
    name = request.headers.get(_DECISION_ID) or request.id
    place = crc32(name.encode("utf-8", "surrogatepass")) / 2**32 * sum(weights.values())
    for revision in sorted(weights):
        place -= weights[revision]
        if place < 0:
            return revision
    return ""
