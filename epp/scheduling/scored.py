"""Decisions that carry the scores of all endpoints that were scored (``--emit-endpoint-scores``).

Pickers and the profile handler are given stand-ins: scores are known to the one, and which profile
counts to the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from epp.api.endpoint import Candidate
from epp.api.plugin import Picker, ProfileHandler
from epp.api.request import Decision, Request
from epp.scheduling.profile import Profile

_Notes = dict[str, tuple[Sequence[Candidate], Sequence[float]]]


def scored(
    profiles: Mapping[str, Profile], handler: ProfileHandler
) -> tuple[Mapping[str, Profile], ProfileHandler]:
    """Return the same profiles and handler, with ``Decision.scores`` set by them.

    The scores are the totals of the profile whose first choice serves, by ``ip:port``.
    """
    notes: _Notes = {}
    noted = {
        name: Profile(
            name,
            _Picker(profile.picker, name, notes),
            profile.filters,
            profile.scorers,
        )
        for name, profile in profiles.items()
    }
    return noted, _Handler(handler, notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Picker:
    stands_for: Picker
    _profile: str
    _notes: _Notes

    def pick(
        self, candidates: Sequence[Candidate], scores: Sequence[float], random: Random
    ) -> Sequence[Candidate]:
        self._notes[self._profile] = candidates, scores
        return self.stands_for.pick(candidates, scores, random)


@dataclass(frozen=True, slots=True, eq=False)
class _Handler:
    stands_for: Any
    _notes: _Notes

    def objection(self, names: Sequence[str]) -> str:
        objection: str = self.stands_for.objection(names)
        return objection

    def profiles(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Sequence[str]:
        if not results:
            self._notes.clear()
        wanted: Sequence[str] = self.stands_for.profiles(request, names, results)
        return wanted

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        decision: Decision = self.stands_for.decide(request, results)
        for name, result in results.items():
            if result is not None and result.primary is decision.primary and name in self._notes:
                candidates, scores = self._notes[name]
                self._notes.clear()
                pairs = zip(candidates, scores, strict=True)
                return decision._replace(scores={c.endpoint.host_port: s for c, s in pairs})
        return decision
