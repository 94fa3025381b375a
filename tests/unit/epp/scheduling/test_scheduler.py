from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from epp.api.data import PrefixMatch, publish
from epp.api.endpoint import Candidate
from epp.api.errors import Code, Refusal
from epp.api.plugin import Filter, Instance, Outcome
from epp.api.request import Decision, Request
from epp.metrics.exposition import families
from epp.metrics.recorder import EppMetrics
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.profile_handlers.single import SingleProfileHandler
from epp.plugins.scorers.queue import QueueScorer
from epp.scheduling.profile import Profile
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.timing import timed

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


@dataclass(frozen=True)
class Nobody:
    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return []


@dataclass(frozen=True, eq=False)
class Diary:
    entries: list[str] = field(default_factory=list)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        self.entries.append(f"dispatched to {decision.primary.name}")

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        self.entries.append(f"completed with {outcome.status}")


@dataclass(frozen=True)
class FirstThenSecond:
    """Runs ``first``, then ``second``; ``second`` counts."""

    def objection(self, names: Sequence[str]) -> str:
        return ""

    def profiles(
        self, request: Request, names: Sequence[str], results: Mapping[str, Decision | None]
    ) -> Sequence[str]:
        return names[len(results) : len(results) + 1]

    def decide(self, request: Request, results: Mapping[str, Decision | None]) -> Decision:
        decision = results["second"]
        assert decision is not None
        return decision


def single(*filters: Filter, picks: int = 1) -> Scheduler:
    profile = Profile("default", MaxScorePicker(picks), filters, ((QueueScorer(), 1.0),))
    return Scheduler({"default": profile}, SingleProfileHandler(), random=Random(1))


def test_the_decision_lists_endpoints_in_fallback_order(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=4), pod(queue=0), pod(queue=9)]

    decision = single(picks=2).schedule(ask(), pool)

    assert decision.endpoints == (pool[1].endpoint, pool[0].endpoint)


def test_no_endpoint_left_is_refused_with_429(pod: Pod, ask: Ask) -> None:
    with pytest.raises(Refusal) as refused:
        single(Nobody()).schedule(ask(), [pod()])

    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert refused.value.message == (
        "failed to find target pod: failed to run scheduler profile 'default'"
    )


def test_an_unreachable_endpoint_is_left_out_while_another_can_be_reached(
    pod: Pod, ask: Ask
) -> None:
    idle_but_dead, busy = pod(queue=0, reachable=False), pod(queue=9)

    assert single().schedule(ask(), [idle_but_dead, busy]).primary is busy.endpoint


def test_when_none_can_be_reached_all_are_candidates(pod: Pod, ask: Ask) -> None:
    idle, busy = pod(queue=0, reachable=False), pod(queue=9, reachable=False)

    assert single().schedule(ask(), [idle, busy]).primary is idle.endpoint


def test_the_handler_says_which_profiles_run_and_which_one_counts(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=4), pod(queue=0)]
    profiles = {
        "first": Profile("first", MaxScorePicker(), (Nobody(),)),
        "second": Profile("second", MaxScorePicker(), (), ((QueueScorer(), 1.0),)),
    }

    assert Scheduler(profiles, FirstThenSecond()).schedule(ask(), pool).primary is pool[1].endpoint


def test_every_plugin_that_observes_is_told_in_any_profile_or_none(pod: Pod, ask: Ask) -> None:
    diary, request, one = Diary(), ask(), pod()
    profile = Profile("default", MaxScorePicker())
    scheduler = Scheduler(
        {"default": profile},
        SingleProfileHandler(),
        [Instance("q", "queue-scorer", QueueScorer()), Instance("diary", "diary", diary)],
    )

    decision = scheduler.schedule(request, [one])
    scheduler.dispatched(request, decision, [one])
    scheduler.completed(request, decision, Outcome(status=200))

    assert diary.entries == ["dispatched to pod-0", "completed with 200"]


def test_a_timed_scheduler_decides_alike_and_reports_each_plugin_call(pod: Pod, ask: Ask) -> None:
    queue, picker, handler, diary = QueueScorer(), MaxScorePicker(), SingleProfileHandler(), Diary()
    instances = [
        Instance("shortest", "queue-scorer", queue),
        Instance("best", "max-score-picker", picker),
        Instance("single-profile-handler", "single-profile-handler", handler),
        Instance("diary", "diary", diary),
    ]
    profile = Profile("default", picker, (), ((queue, 1.0),))
    scheduler = Scheduler({"default": profile}, handler, instances)
    calls = []
    sampled = timed(scheduler, lambda *call: calls.append(call))
    pool, request = [pod(queue=3), pod(queue=1)], ask()

    decision = sampled.schedule(request, pool)
    sampled.dispatched(request, decision, pool)

    assert decision == scheduler.schedule(ask(), pool)
    assert [call[:3] for call in calls] == [
        ("ProfilePicker", "single-profile-handler", "single-profile-handler"),
        ("Scorer", "queue-scorer", "shortest"),
        ("Picker", "max-score-picker", "best"),
        ("ProcessProfilesResults", "single-profile-handler", "single-profile-handler"),
        ("PreRequest", "diary", "diary"),
    ]
    assert all(0 <= seconds < 60 for *_, seconds in calls)
    assert diary.entries == ["dispatched to pod-1"]


@dataclass(frozen=True)
class Talkative:
    """A scorer that hands out what it found, as only producers may."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[float]:
        request.scratch[self] = "its own memory"
        publish(request, "talkative", PrefixMatch({}, 1, 16))
        return [0.5] * len(candidates)


def test_a_scorer_that_publishes_data_is_counted(pod: Pod, ask: Ask) -> None:
    talkative, picker, handler = Talkative(), MaxScorePicker(), SingleProfileHandler()
    profile = Profile("default", picker, (), ((talkative, 1.0), (QueueScorer(), 1.0)))
    scheduler = Scheduler(
        {"default": profile}, handler, [Instance("talkative", "talkative-scorer", talkative)]
    )
    metrics = EppMetrics()

    def note(point: str, plugin_type: str, name: str, access: str) -> None:
        metrics.scope_violations[point, plugin_type, name, access] += 1

    timed(scheduler, lambda *_: None, note).schedule(ask(), [pod(), pod()])

    (family,) = [
        f for f in families(metrics) if f.name == "llm_d_epp_plugin_data_scope_violations_total"
    ]
    assert family.samples == [(("Scorer", "talkative-scorer", "talkative", "write"), 1)]
