"""The decision record: why a request goes where it goes, endpoint by endpoint.

    record(scheduler, request, candidates, now) -> DecisionRecord

A scheduler over the same plugin objects decides the request, and what each plugin is given and
answers is noted. Nothing is dispatched: no plugin learns of the decision. So the function serves
for requests that were never sent, and for real ones, whose decision is then the record's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from epp.api.endpoint import Candidate, Endpoint
from epp.api.errors import Refusal
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.scheduling.produced import Produced, produced_for
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.stand_ins import watched

UNREACHABLE = "unreachable"
"""Stands for a filter's name where an endpoint was left out because it takes no connections."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer said of one endpoint.

    Attributes:
        scorer: name of the plugin.
        raw: as the scorer gave it.
        weight: of the scorer in the profile.
        weighted: what was added to the total.
    """

    scorer: str
    raw: float
    weight: float
    weighted: float


@dataclass(slots=True)
class EndpointVerdict:
    """What one run of a profile made of one endpoint.

    Attributes:
        endpoint: who.
        removed_by: name of the filter that removed it, ``UNREACHABLE``, or empty.
        scores: by scorer, in the order of the profile; none when it was removed.
        total: what the picker was given; None when it was removed.
        rank: place in the picker's choice, 1 for the primary; 0 when it was not picked.
    """

    endpoint: Endpoint
    removed_by: str = ""
    scores: list[Score] = field(default_factory=list)
    total: float | None = None
    rank: int = 0


@dataclass(slots=True)
class ProfileRun:
    """One run of a profile.

    Attributes:
        name: of the profile.
        picker: name of the plugin; empty when no endpoint was left to pick from.
        verdicts: one per candidate, in the order given.
    """

    name: str
    picker: str = ""
    verdicts: list[EndpointVerdict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision and everything that led to it.

    Attributes:
        request: whom it is for.
        candidates: the endpoints that were considered, and what was known of them.
        now: monotonic seconds of the decision, to tell the age of the figures.
        produced: what producers had found.
        runs: the profiles that ran, in order.
        decision: None when there is a refusal.
        refusal: None when there is a decision.
    """

    request: Request
    candidates: Sequence[Candidate]
    now: float
    produced: Sequence[Produced]
    runs: Sequence[ProfileRun]
    decision: Decision | None
    refusal: Refusal | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; no prompt, no token and no header is among them."""
        request = self.request
        return {
            "requestId": request.id,
            "request": {
                "model": request.model,
                "targetModel": request.target_model,
                "objective": request.objective,
                "priority": request.priority,
                "fairnessId": request.fairness_id,
                "bytes": request.size,
            },
            "candidates": [candidate_json(c, self.now) for c in self.candidates],
            "produced": [
                {"producer": item.producer, "kind": item.kind, "data": item.data}
                for item in self.produced
            ],
            "profiles": [_run_json(run) for run in self.runs],
            "decision": _decision_json(self.decision) if self.decision else None,
            "refusal": refusal_json(self.refusal) if self.refusal else None,
        }


def record(
    scheduler: Scheduler, request: Request, candidates: Sequence[Candidate], now: float
) -> DecisionRecord:
    """Decide the request and return what led to the decision.

    Args:
        scheduler: decides; neither it nor its plugins are told of the decision.
        request: as producers and admission have left it.
        candidates: the endpoints it may go to.
        now: monotonic seconds, of the same clock as ``Metrics.updated_at``.
    """
    notes = _Notes(candidates, scheduler)
    decision = refusal = None
    try:
        decision = watched(scheduler, notes.stand_in).schedule(request, candidates)
    except Refusal as error:
        refusal = error
    names = {candidate.endpoint.slot: full_name(candidate.endpoint) for candidate in candidates}
    return DecisionRecord(
        request,
        tuple(candidates),
        now,
        tuple(produced_for(request, names)),
        tuple(notes.runs),
        decision,
        refusal,
    )


def full_name(endpoint: Endpoint) -> str:
    """Return the name that is unique in a pool: ``namespace/name``."""
    return f"{endpoint.namespace}/{endpoint.name}"


def candidate_json(candidate: Candidate, now: float) -> dict[str, Any]:
    """Return what is known of an endpoint as JSON values.

    Args:
        candidate: the endpoint.
        now: monotonic seconds.
    """
    endpoint, metrics = candidate.endpoint, candidate.metrics
    return {
        "endpoint": full_name(endpoint),
        "address": endpoint.host_port,
        "labels": dict(endpoint.labels),
        "isReachable": candidate.is_reachable,
        "isFresh": candidate.is_fresh,
        "metricsAgeSeconds": now - metrics.updated_at if metrics.updated_at else None,
        "waitingRequests": metrics.waiting,
        "runningRequests": metrics.running,
        "kvCacheUsage": _number(metrics.kv_usage),
        "activeModels": sorted(metrics.active_models),
        "waitingModels": sorted(metrics.waiting_models),
        "maxActiveModels": metrics.max_active_models,
        "blockSize": metrics.block_size,
        "blocks": metrics.num_blocks,
        "inflightRequests": candidate.inflight,
        "correctedWaitingRequests": candidate.waiting,
        "correctedRunningRequests": candidate.running,
    }


class _Notes:
    """Takes note of every call of a plugin during one decision."""

    def __init__(self, candidates: Sequence[Candidate], scheduler: Scheduler) -> None:
        self._candidates = candidates
        self._weights = {
            (name, id(part)): weight
            for name, profile in scheduler.profiles.items()
            for part, weight in profile.scorers
        }
        self._verdicts: dict[str, dict[Endpoint, EndpointVerdict]] = {}
        self._current: dict[str, ProfileRun] = {}
        self.runs: list[ProfileRun] = []

    def stand_in(self, instance: Instance, profile: str) -> "_Noted":
        return _Noted(instance, profile, self)

    def begin(self, profile: str) -> None:
        run = ProfileRun(profile, verdicts=[EndpointVerdict(c.endpoint) for c in self._candidates])
        self._current[profile] = run
        self._verdicts[profile] = {verdict.endpoint: verdict for verdict in run.verdicts}
        self.runs.append(run)

    def entered(self, profile: str, candidates: Sequence[Candidate]) -> None:
        """Note who is in when a plugin is called; the scheduler itself left the others out."""
        self.kept(profile, candidates, UNREACHABLE)

    def kept(self, profile: str, candidates: Sequence[Candidate], name: str) -> None:
        left = {candidate.endpoint for candidate in candidates}
        for endpoint, verdict in self._verdicts[profile].items():
            if not verdict.removed_by and endpoint not in left:
                verdict.removed_by = name

    def scored(
        self,
        profile: str,
        instance: Instance,
        candidates: Sequence[Candidate],
        scores: Sequence[float],
    ) -> None:
        verdicts = self._verdicts[profile]
        weight = self._weights.get((profile, id(instance.plugin)), 1.0)
        for candidate, raw in zip(candidates, scores, strict=False):
            weighted = weight * min(raw, 1.0) if raw > 0.0 else 0.0
            score = Score(instance.name, raw, weight, weighted)
            verdicts[candidate.endpoint].scores.append(score)

    def picked(
        self,
        profile: str,
        name: str,
        candidates: Sequence[Candidate],
        scores: Sequence[float],
        chosen: Sequence[Candidate],
    ) -> None:
        self._current[profile].picker = name
        verdicts = self._verdicts[profile]
        for candidate, total in zip(candidates, scores, strict=True):
            verdicts[candidate.endpoint].total = total
        for rank, candidate in enumerate(chosen, 1):
            verdicts[candidate.endpoint].rank = rank


class _Noted:
    """Stands for a plugin of whichever family, and has the methods of all of them."""

    __slots__ = ("_instance", "_notes", "_plugin", "_profile")

    def __init__(self, instance: Instance, profile: str, notes: _Notes) -> None:
        self._instance = instance
        self._plugin: Any = instance.plugin
        self._profile = profile
        self._notes = notes

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        self._notes.entered(self._profile, candidates)
        kept: Sequence[Candidate] = self._plugin.filter(request, candidates)
        self._notes.kept(self._profile, kept, self._instance.name)
        return kept

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        self._notes.entered(self._profile, candidates)
        scores: Sequence[float] = self._plugin.score(request, candidates)
        self._notes.scored(self._profile, self._instance, candidates, scores)
        return scores

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> Sequence[Candidate]:
        self._notes.entered(self._profile, candidates)
        chosen: Sequence[Candidate] = self._plugin.pick(candidates, scores, random)
        self._notes.picked(self._profile, self._instance.name, candidates, scores, chosen)
        return chosen

    def profiles(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Sequence[str]:
        wanted: Sequence[str] = self._plugin.profiles(request, names, results)
        for name in wanted:
            self._notes.begin(name)
        return wanted

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        decision: Decision = self._plugin.decide(request, results)
        return decision


def _run_json(run: ProfileRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "picker": run.picker,
        "endpoints": [_verdict_json(verdict) for verdict in run.verdicts],
    }


def _verdict_json(verdict: EndpointVerdict) -> dict[str, Any]:
    name = full_name(verdict.endpoint)
    if verdict.removed_by:
        return {"endpoint": name, "removedBy": verdict.removed_by}
    return {
        "endpoint": name,
        "scores": [
            {
                "scorer": score.scorer,
                "raw": _number(score.raw),
                "weight": score.weight,
                "weighted": score.weighted,
            }
            for score in verdict.scores
        ],
        "total": verdict.total,
        "rank": verdict.rank,
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "endpoints": [full_name(endpoint) for endpoint in decision.endpoints],
        "destinations": list(
            decision.destinations or [endpoint.host_port for endpoint in decision.endpoints]
        ),
        "others": {name: _decision_json(other) for name, other in decision.others.items()},
    }


def refusal_json(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as JSON values."""
    return {
        "code": refusal.code.text,
        "status": refusal.code.http_status,
        "message": refusal.message,
    }


def _number(value: float) -> float | None:
    """Return a number that JSON can hold."""
    return value if math.isfinite(value) else None
