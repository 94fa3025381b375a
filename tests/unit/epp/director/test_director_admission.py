"""What a director does with admission: who is asked, and what it is told."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.director.intent import Intents
from epp.metrics.recorder import EppMetrics
from epp.plugins.producers.agent_identity import AgentIdentity
from epp.scheduling.scheduler import Scheduler

OUTCOME = Outcome(200)


class Door:
    """Admits, queues or refuses, as the test says, and remembers what it is told."""

    def __init__(self) -> None:
        self.answer: bool | Refusal = True
        self.proceed: dict[Request, Callable[[Refusal | None], None]] = {}
        self.revoke: dict[Request, Callable[[Refusal], None]] = {}
        self.abandoned: list[Request] = []
        self.ended: list[Request] = []
        self.undecided: list[Request] = []

    def admit(
        self,
        request: Request,
        proceed: Callable[[Refusal | None], None],
        revoke: Callable[[Refusal], None],
    ) -> bool:
        if isinstance(self.answer, Refusal):
            raise self.answer
        self.proceed[request], self.revoke[request] = proceed, revoke
        return self.answer

    def abandon(self, request: Request) -> None:
        self.abandoned.append(request)

    def deciding(self, request: Request) -> None:
        self.undecided.append(request)

    def decided(self, request: Request) -> None:
        self.undecided.remove(request)

    def completed(self, request: Request) -> None:
        self.ended.append(request)


class Slow:
    """A producer that takes until it is told."""

    produces: ClassVar[frozenset[type]] = frozenset()
    consumes: ClassVar[frozenset[type]] = frozenset()

    def __init__(self) -> None:
        self.found = asyncio.Event()

    async def _find(self) -> None:
        await self.found.wait()

    def produce(self, request: Request, candidates: Any) -> Any:
        return self._find()


class House:
    """A director over one endpoint."""

    def __init__(self, **routing: Any) -> None:
        config = load("")
        scheduler = Scheduler(config.profiles, config.handler, config.instances)
        self.intents = Intents()
        self.intents.set_priorities({"batch": -1})
        self.pool = Pool()
        self.pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
        self.director = Director(
            self.pool,
            Routing(scheduler, scheduler, **routing),
            EppMetrics(),
            touch=lambda: None,
            intents=self.intents,
        )
        self.answers: list[Decision | Refusal] = []

    def ask(self, objective: str = "", method: str = "POST") -> tuple[Request, Decision | None]:
        request = Request("id", {":method": method}, "m", "m", objective=objective)
        return request, self.director.route(request, self.answers.append)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(("objective", "is_asked"), [("", False), ("batch", True)])
def test_only_sheddable_requests_ask_whether_the_pool_is_full(
    objective: str, is_asked: bool
) -> None:
    asked: list[int] = []

    def is_full(candidates: Any) -> bool:
        asked.append(len(candidates))
        return False

    House(is_full=is_full).ask(objective)

    assert asked == ([1] if is_asked else [])


def test_a_sheddable_request_is_refused_before_anybody_looks_for_candidates() -> None:
    house = House(is_full=lambda candidates: not candidates)
    house.pool.replace([])

    with pytest.raises(Refusal, match="system saturated, sheddable request dropped") as caught:
        house.ask("batch")
    assert caught.value.code.http_status == 429


def test_a_queued_request_is_decided_when_it_may_go_on(door: Door) -> None:
    house = House(admission=door)
    door.answer = False
    request, at_once = house.ask()
    door.proceed[request](None)
    (decision,) = house.answers
    assert isinstance(decision, Decision)
    house.director.completed(request, decision, OUTCOME)

    assert at_once is None
    assert decision.primary.name == "a"
    assert door.ended == [request]


def test_a_queued_request_gets_the_answer_of_admission(door: Door) -> None:
    house = House(admission=door)
    door.answer = False
    request, _ = house.ask()
    refusal = Refusal(Code.SERVICE_UNAVAILABLE, "waited too long")
    door.proceed[request](refusal)

    assert house.answers == [refusal]


def test_a_request_whose_client_left_the_queue_is_not_decided(door: Door) -> None:
    house = House(admission=door)
    door.answer = False
    request, _ = house.ask()
    house.director.abandon(request)
    door.proceed[request](None)

    assert door.abandoned == [request]
    assert house.answers == []


def test_admission_hears_of_the_end_of_requests_that_found_no_endpoint(door: Door) -> None:
    house = House(admission=door)
    house.pool.replace([])
    with pytest.raises(Refusal):
        house.ask()
    door.answer = False
    request, _ = house.ask()
    door.proceed[request](None)

    assert len(door.ended) == 2
    assert [type(answer) for answer in house.answers] == [Refusal]


def test_a_served_request_can_be_revoked_through_its_stream(door: Door) -> None:
    house = House(admission=door)
    request, decision = house.ask()
    refusal = Refusal(Code.RESOURCE_EXHAUSTED, "make room")
    door.revoke[request](refusal)

    assert decision is not None
    assert house.answers == [refusal]


@pytest.mark.parametrize(("method", "waits"), [("GET", False), ("HEAD", False), ("POST", True)])
def test_requests_that_ask_for_no_inference_never_wait(
    door: Door, method: str, waits: bool
) -> None:
    house = House(admission=door)
    door.answer = False
    request = Request("id", {":method": method})
    decision = house.director.route_any(request, house.answers.append)

    assert (decision is None) == waits


@pytest.mark.parametrize("leaves", [False, True])
async def test_admission_knows_who_has_no_endpoint_yet(door: Door, leaves: bool) -> None:
    slow = Slow()
    house = House(admission=door, producers=(slow,))
    answered = asyncio.Event()
    request = Request("id", {":method": "POST"}, "m", "m")
    house.director.route(request, lambda answer: answered.set())
    during = list(door.undecided)
    await asyncio.sleep(0)  # the producer begins
    if leaves:
        house.director.abandon(request)
    else:
        slow.found.set()
        await answered.wait()

    assert during == [request]
    assert door.undecided == []
    assert door.ended == ([request] if leaves else [])


def test_a_request_is_complete_before_it_is_admitted() -> None:
    door = Door()
    door.answer = False
    house = House(admission=door, pre_admitters=[AgentIdentity()])

    house.director.route(Request("r", {"session-id": "mine"}, "m", "m"), lambda _: None)

    assert [request.fairness_id for request in door.proceed] == ["mine"]
