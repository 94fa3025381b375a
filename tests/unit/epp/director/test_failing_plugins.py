"""Plugins that fail wherever they can: requests go on, and every account is settled."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate, Endpoint
from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.registry import Family, Registry, default_registry, plugin, scorer
from epp.api.request import Decision, Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.metrics.recorder import EppMetrics
from epp.scheduling.scheduler import Scheduler
from epp.server.generation import Generations

REGISTRY = Registry()
for kind in default_registry:
    REGISTRY.add(kind)


@plugin("failing", Family.PRODUCER, registry=REGISTRY)
@dataclass(frozen=True, slots=True)
class Failing:
    """Fails at every hook that does not decide."""

    produces: ClassVar[frozenset[type]] = frozenset()
    consumes: ClassVar[frozenset[type]] = frozenset()

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        raise LookupError("produce")

    def dispatched(self, request: Request, decision: Decision, candidates: Any) -> None:
        raise LookupError("dispatched")

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        raise LookupError("completed")

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        raise LookupError("endpoint_gone")


@scorer("remembering", registry=REGISTRY)
@dataclass(frozen=True, slots=True, eq=False)
class Remembering:
    """Comes after it, and remembers what it is told."""

    told: ClassVar[list[str]] = []

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        return [1.0] * len(candidates)

    def dispatched(self, request: Request, decision: Decision, candidates: Any) -> None:
        self.told.append("dispatched")

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        self.told.append("completed")

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        self.told.append(f"gone {endpoint.name}")


class Waits:
    """A producer whose work is a task of its own, which others can end."""

    produces: ClassVar[frozenset[type]] = frozenset()
    consumes: ClassVar[frozenset[type]] = frozenset()

    def __init__(self) -> None:
        self.work: list[asyncio.Task[None]] = []

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Any:
        async def wait() -> None:
            await asyncio.Event().wait()

        self.work.append(asyncio.create_task(wait()))
        return self.work[-1]


class House:
    """A director over one endpoint, with the plugins above."""

    def __init__(self, *producers: Any) -> None:
        text = "plugins: [{type: failing}, {type: remembering}]\n"
        self.config = load(f"{HEAD}{text}", registry=REGISTRY)
        self.generations = Generations()
        self.pool = Pool()
        self.pool.observe(self.generations)
        self.pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
        self.producers = producers or self.config.producers
        self.director = Director(self.pool, self.routing(), EppMetrics(), touch=lambda: None)
        self.answers: list[Decision | Refusal] = []
        Remembering.told.clear()

    def routing(self) -> Routing:
        config = self.config
        scheduler = Scheduler(config.profiles, config.handler, config.instances)
        self.generation = generation = self.generations.begin(scheduler)
        return Routing(generation, generation, self.producers)

    def ask(self) -> tuple[Request, Decision | None]:
        request = Request("id", {":method": "POST"}, "m", "m")
        return request, self.director.route(request, self.answers.append)


HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


def test_the_others_are_told_and_the_accounts_are_settled() -> None:
    house = House()
    request, decision = house.ask()
    assert decision is not None
    assert house.pool.snapshot()[0].inflight == 1

    retired = house.generation
    house.director.use(house.routing())
    house.director.completed(request, decision, Outcome(200))
    house.pool.replace([])

    assert Remembering.told == ["dispatched", "completed", "gone a"]
    assert retired.inflight == 0
    assert house.generations._retired == []


async def test_a_producer_that_fails_after_one_that_waits_costs_no_answer() -> None:
    waits = Waits()
    house = House(waits, Failing())
    _, at_once = house.ask()
    await asyncio.sleep(0)
    waits.work[0].cancel()  # as its owner does when it is stopped
    for _ in range(5):
        await asyncio.sleep(0)

    assert at_once is None
    assert [type(answer) for answer in house.answers] == [Decision]
    assert house.director._waiting == {}


class Finds:
    """A producer that finds at once, or is about to wait for what it finds."""

    produces: ClassVar[frozenset[type]] = frozenset()
    consumes: ClassVar[frozenset[type]] = frozenset()

    def __init__(self, *, waits: bool = False) -> None:
        self.waits = waits
        self.asked = 0

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> Any:
        self.asked += 1
        return asyncio.sleep(3600) if self.waits else None


async def test_those_behind_a_producer_that_takes_too_long_find_what_is_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("epp.director.director.PRODUCERS_SECONDS", 0.01)
    finds, never, last = Finds(), Finds(waits=True), Finds()
    house = House(Waits(), finds, never, Waits(), last)
    house.ask()
    (waiting,) = house.director._waiting.values()
    assert waiting is not None
    async with asyncio.timeout(60):
        await waiting

    assert (finds.asked, never.asked, last.asked) == (1, 1, 1)
    assert [type(answer) for answer in house.answers] == [Decision]


async def test_a_client_that_leaves_while_a_producer_works_is_not_answered() -> None:
    waits = Waits()
    house = House(waits, Failing())
    request, _ = house.ask()
    await asyncio.sleep(0)
    house.director.abandon(request)
    await asyncio.wait(waits.work)
    await asyncio.sleep(0)

    assert house.answers == []
    assert house.pool.snapshot()[0].inflight == 0
    assert house.director._waiting == {}


@pytest.mark.parametrize("error", [LookupError("admit"), Refusal(Code.INTERNAL, "no")])
def test_an_admission_that_fails_leaves_nobody_waiting(error: Exception) -> None:
    class Door:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def admit(self, *_: Any) -> bool:
            raise self.error

    house = House()
    door: Any = Door(error)
    house.director.use(house.routing()._replace(admission=door))
    with pytest.raises(type(error)):
        house.ask()
    assert house.director._waiting == {}
