"""The decision record tells what the scheduler did, and does nothing by itself."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from epp.api.data import PrefixMatch, SessionId, Tokens, publish
from epp.api.endpoint import Candidate
from epp.api.errors import no_target
from epp.api.plugin import Instance
from epp.api.request import Decision, Request
from epp.plugins.pickers.max_score import MaxScorePicker
from epp.plugins.profile_handlers.single import SingleProfileHandler
from epp.scheduling.explain import explain
from epp.scheduling.profile import Profile
from epp.scheduling.record import UNREACHABLE, record
from epp.scheduling.scheduler import Scheduler

Pod = Callable[..., Candidate]
Ask = Callable[..., Request]


@dataclass(frozen=True, slots=True, eq=False)
class Short:
    """Keeps the candidates with at most this queue."""

    most: int

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        return [candidate for candidate in candidates if candidate.waiting <= self.most]


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """Scores by queue; may leave the range, as plugins must not."""

    base: float
    told: list[str] = field(default_factory=list)

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        return [self.base - candidate.waiting / 10 for candidate in candidates]

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        self.told.append(request.id)


class Findings:
    """A producer that publishes what its test wants."""

    def __init__(self, found: object, *, fails: bool = False) -> None:
        self._found = found
        self._fails = fails
        self.produces = frozenset({type(found)})
        self.consumes: frozenset[type] = frozenset()

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Awaitable[None] | None:
        if self._fails:
            return self._fail()
        publish(request, "finder", self._found)
        return None

    async def _fail(self) -> None:
        raise OSError("nobody there")


class Turnstile:
    """Admits nobody."""

    def objection_to(self, request: Request, candidates: Sequence[Candidate]) -> str:
        return "no coin"


def scheduler(
    *filters: Short, scorers: Sequence[tuple[Queue, float]] = (), picks: int = 1
) -> Scheduler:
    picker = MaxScorePicker(picks)
    plugins = {f"filter-{n}": part for n, part in enumerate(filters, 1)}
    graders = {f"scorer-{n}": part for n, (part, _) in enumerate(scorers, 1)}
    return Scheduler(
        {"default": Profile("default", picker, filters, tuple(scorers))},
        handler := SingleProfileHandler(),
        [
            Instance("handler", "single-profile-handler", handler),
            Instance("the-picker", "max-score-picker", picker),
            *(Instance(name, "x", plugin) for name, plugin in {**plugins, **graders}.items()),
        ],
        Random(1),
    )


def test_each_endpoint_has_the_filter_that_removed_it_or_its_scores(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=5), pod(queue=2), pod(queue=1), pod(queue=0)]
    tried = scheduler(
        *(Short(4), Short(1)), scorers=[(Queue(1.0), 2.0), (Queue(0.5), 1.0)], picks=2
    )

    (run,) = record(tried, ask(), pool, 2.0).runs

    assert [verdict.removed_by for verdict in run.verdicts] == ["filter-1", "filter-2", "", ""]
    assert [verdict.rank for verdict in run.verdicts] == [0, 0, 2, 1]
    assert [verdict.total for verdict in run.verdicts] == [None, None, 0.9 * 2 + 0.4, 2.5]
    assert [(s.scorer, s.raw, s.weight, s.weighted) for s in run.verdicts[2].scores] == [
        ("scorer-1", 0.9, 2.0, 1.8),
        ("scorer-2", 0.4, 1.0, 0.4),
    ]
    assert run.picker == "the-picker"


def test_weighted_scores_add_up_to_the_total_the_picker_saw(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=queue) for queue in (0, 30, 7)]
    tried = scheduler(scorers=[(Queue(1.7), 2.0), (Queue(float("nan")), 3.0), (Queue(0.3), 1.0)])

    (run,) = record(tried, ask(), pool, 2.0).runs

    for verdict in run.verdicts:
        assert verdict.total == pytest.approx(sum(score.weighted for score in verdict.scores))


def test_it_decides_like_the_scheduler_with_the_same_luck(pod: Pod, ask: Ask) -> None:
    pool = [pod() for _ in range(20)]

    found = record(scheduler(scorers=[(Queue(1.0), 1.0)]), ask(), pool, 2.0)

    assert found.decision == scheduler(scorers=[(Queue(1.0), 1.0)]).schedule(ask(), pool)


def test_recording_dispatches_nothing(pod: Pod, ask: Ask) -> None:
    scorer = Queue(1.0)

    record(scheduler(scorers=[(scorer, 1.0)]), ask(), [pod()], 2.0)

    assert scorer.told == []


def test_a_refusal_is_in_the_record(pod: Pod, ask: Ask) -> None:
    found = record(scheduler(Short(0)), ask(), [pod(queue=3)], 2.0)

    assert found.decision is None
    assert str(found.refusal) == str(no_target("failed to run scheduler profile 'default'"))
    assert found.to_json()["refusal"]["status"] == 429
    assert found.runs[0].picker == ""


def test_an_endpoint_that_takes_no_connections_is_marked(pod: Pod, ask: Ask) -> None:
    (run,) = record(scheduler(), ask(), [pod(reachable=False), pod()], 2.0).runs

    assert [verdict.removed_by for verdict in run.verdicts] == [UNREACHABLE, ""]


def test_it_is_json_with_the_age_of_the_figures_and_the_findings(pod: Pod, ask: Ask) -> None:
    pool = [pod(queue=1), pod(queue=2)]
    request = ask("llama", "a secret prompt")
    publish(request, "prefixes", PrefixMatch({1: 3, 77: 9}, 4, 16))
    publish(request, "tokens", Tokens([[11, 12, 987654]], is_exact=True))
    publish(request, "sessions", SessionId("chat-of-alice"))
    tried = scheduler(scorers=[(Queue(float("inf")), 1.0)])

    text = json.dumps(record(tried, request, pool, 3.5).to_json(), allow_nan=False)

    assert (
        json.loads(text)["candidates"][0]
        | {
            "endpoint": "default/pod-0",
            "address": "192.168.1.1:8000",
            "metricsAgeSeconds": 2.5,
            "waitingRequests": 1,
        }
        == (json.loads(text)["candidates"][0])
    )
    assert json.loads(text)["produced"] == [
        {
            "producer": "prefixes",
            "kind": "PrefixMatch",
            "data": {"totalBlocks": 4, "blockTokens": 16, "matchedBlocks": {"default/pod-1": 3}},
        },
        {
            "producer": "tokens",
            "kind": "Tokens",
            "data": {"prompts": 1, "tokens": 3, "isExact": True},
        },
        {"producer": "sessions", "kind": "SessionId", "data": {}},
    ]
    assert not any(secret in text for secret in ("secret prompt", "987654", "alice"))


async def test_producers_run_before_and_those_that_fail_have_found_nothing(
    pod: Pod, ask: Ask
) -> None:
    found = await explain(
        scheduler(),
        ask(),
        [pod()],
        2.0,
        producers=[Findings(SessionId("x"), fails=True), Findings(PrefixMatch({}, 1, 16))],
    )

    assert [item.kind for item in found.produced] == ["PrefixMatch"]
    assert found.decision is not None


@pytest.mark.parametrize(
    ("size", "status", "text"), [(1, 500, "no coin"), (0, 503, "failed to find candidate pods")]
)
async def test_who_is_not_admitted_is_not_scheduled(
    pod: Pod, ask: Ask, size: int, status: int, text: str
) -> None:
    pool = [pod() for _ in range(size)]

    found = await explain(scheduler(), ask(), pool, 2.0, admitters=[Turnstile()])

    assert found.refusal is not None
    assert (found.refusal.code.http_status, found.runs) == (status, ())
    assert text in found.refusal.message
