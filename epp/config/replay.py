"""Recorded decisions, decided again by another configuration.

A record holds the endpoints and their figures, so what depends on these alone is computed anew.
What depends on a prompt or on memory cannot be: there the recorded score counts, under the name of
the scorer; a scorer that no record knows gives all the same, and a filter that goes by such
findings keeps all: who these are is told.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from epp.api.endpoint import Candidate
from epp.api.errors import ConfigError, Problem, Refusal
from epp.api.plugin import DispatchObserver, EndpointObserver, Scorer
from epp.api.request import Request
from epp.config.loader import Config
from epp.config.producers import consumed_by
from epp.config.snapshot import names, read_candidates
from epp.reading.source import Source
from epp.scheduling.profile import Profile

RECORDED_BY = "write the log with: curl -s http://EPP:9090/debug/decisions.jsonl"
"""What to do without a log."""
_MOST_LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded decision.

    Attributes:
        request: its facts; no prompt.
        candidates: the endpoints it could go to.
        chosen: ``namespace/name`` of the endpoint it went to; empty when it was refused.
        scores: raw scores by scorer and endpoint.
    """

    request: Request
    candidates: Sequence[Candidate]
    chosen: str
    scores: Mapping[str, Mapping[str, float]]


def read_log(lines: Iterable[str], file: str) -> Iterator[Recorded]:
    """Yield the decisions of a log with one record in JSON on each line; empty lines are skipped.

    Raises:
        ConfigError: a line is no record.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if number > _MOST_LINES:
            raise ConfigError([Problem(f"more than {_MOST_LINES} lines", file, number, 1)])
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError([Problem(f"not JSON: {error}", file, number, 1)]) from None
        yield _recorded(value, file, number)


def _recorded(value: Any, file: str, line: int) -> Recorded:
    source = Source(file, value)
    try:
        facts, runs, decision = value["request"], value["profiles"], value["decision"]
        candidates = read_candidates(value["candidates"], source, "candidates")
        chosen = decision["endpoints"][0] if decision else ""
        scores: dict[str, dict[str, float]] = {}
        for run in runs:
            for verdict in run["endpoints"]:
                for score in verdict.get("scores", ()):
                    by_endpoint = scores.setdefault(score["scorer"], {})
                    by_endpoint[verdict["endpoint"]] = float(score["raw"] or 0.0)
        request = Request(
            id=str(value.get("requestId", "")),
            headers={},
            model=str(facts.get("model", "")),
            target_model=str(facts.get("targetModel", "")),
            size=int(facts.get("bytes", 0)),
            priority=int(facts.get("priority", 0)),
            objective=str(facts.get("objective", "")),
            fairness_id=str(facts.get("fairnessId", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        is_short = isinstance(error, KeyError)
        what = f"it has no {error}" if is_short else f"{type(error).__name__}: {error}"
        reason = f"not a decision record: {what}"
        hint = RECORDED_BY
        raise ConfigError([Problem(reason, file, line, 1, hint=hint)]) from None
    if source.problems:
        first = source.problems[0]
        raise ConfigError([Problem(first.message, file, line, 1, first.path, first.hint)])
    return Recorded(request, candidates, chosen, scores)


class Replay:
    """One configuration that decides recorded requests."""

    def __init__(self, config: Config) -> None:
        # The server's scheduler needs packages that checking a configuration does not.
        from epp.scheduling.scheduler import Scheduler  # noqa: PLC0415

        self._recall = _Recall()
        by_id = {id(instance.plugin): instance.name for instance in config.instances}
        self._recalled: set[str] = set()
        self._unseeing = {
            by_id.get(id(part), "")
            for profile in config.profiles.values()
            for part in profile.filters
            if _has_memory(part)
        }
        profiles = {
            name: Profile(
                name,
                profile.picker,
                profile.filters,
                tuple(
                    (self._around(scorer, by_id.get(id(scorer), "")), weight)
                    for scorer, weight in profile.scorers
                ),
            )
            for name, profile in config.profiles.items()
        }
        self._random = Random(0)
        self._scheduler = Scheduler(profiles, config.handler, config.instances, self._random)

    @property
    def unknown(self) -> list[str]:
        """Names of the plugins of whose findings the records so far tell nothing."""
        return sorted(self._unseeing | (self._recalled - self._recall.known))

    def decide(self, recorded: Recorded, seed: int) -> str:
        """Return ``namespace/name`` of the endpoint that it would go to; empty if refused.

        With the same seed, chance decides the same way between the same equals.
        """
        self._recall.scores = recorded.scores
        self._recall.known.update(recorded.scores)
        self._random.seed(seed)
        recorded.request.scratch.clear()
        try:
            primary = self._scheduler.schedule(recorded.request, recorded.candidates).primary
        except Refusal:
            return ""
        return f"{primary.namespace}/{primary.name}"

    def _around(self, scorer: Scorer, name: str) -> Scorer:
        if not _has_memory(scorer):
            return scorer
        self._recalled.add(name)
        return _Recalled(self._recall, name)


def _has_memory(plugin: object) -> bool:
    """Tell whether a plugin goes by more than the request's facts, endpoints and their figures."""
    return isinstance(plugin, DispatchObserver | EndpointObserver) or bool(consumed_by(plugin))


class _Recall:
    """The recorded scores of the request that is being decided, and whose were ever recorded."""

    def __init__(self) -> None:
        self.scores: Mapping[str, Mapping[str, float]] = {}
        self.known: set[str] = set()


@dataclass(frozen=True, slots=True)
class _Recalled:
    """Stands for a scorer whose scores cannot be computed anew."""

    recall: _Recall
    name: str

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        del request
        known = self.recall.scores.get(self.name, {})
        return [known.get(name, 0.0) for name in names(candidates)]


@dataclass(slots=True)
class Comparison:
    """How the decisions of several configurations differ.

    Attributes:
        titles: of the configurations.
        decisions: number of decisions.
        as_recorded: by configuration, how many went where they had gone.
        agreed: how many went to the same endpoint whichever configuration decided.
        shares: by configuration, decisions by endpoint; the empty name is a refusal.
        recorded: the same of what was recorded.
        differences: the first ones between configurations; of a single one to what was recorded.
        unknown: by configuration, the names of its plugins of whose findings the log tells nothing.
    """

    titles: Sequence[str]
    decisions: int = 0
    agreed: int = 0
    as_recorded: list[int] = field(default_factory=list)
    shares: list[dict[str, int]] = field(default_factory=list)
    recorded: dict[str, int] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[list[str]] = field(default_factory=list)


def compare(
    log: Iterable[Recorded], configs: Mapping[str, Config], *, examples: int = 5
) -> Comparison:
    """Decide every recorded request by every configuration.

    Args:
        log: what was recorded.
        configs: by title.
        examples: how many differences to keep.
    """
    replays = [Replay(config) for config in configs.values()]
    made = Comparison(list(configs), as_recorded=[0] * len(configs), shares=[{} for _ in configs])
    for number, recorded in enumerate(log):
        chosen = [replay.decide(recorded, number) for replay in replays]
        made.decisions += 1
        made.recorded[recorded.chosen] = made.recorded.get(recorded.chosen, 0) + 1
        for index, name in enumerate(chosen):
            made.shares[index][name] = made.shares[index].get(name, 0) + 1
            made.as_recorded[index] += name == recorded.chosen
        made.agreed += len(set(chosen)) == 1
        compared = chosen if len(chosen) > 1 else [*chosen, recorded.chosen]
        if len(set(compared)) > 1 and len(made.differences) < examples:
            made.differences.append(
                {
                    "requestId": recorded.request.id,
                    "recorded": recorded.chosen,
                    "decisions": dict(zip(configs, chosen, strict=True)),
                }
            )
    made.unknown = [replay.unknown for replay in replays]
    return made
