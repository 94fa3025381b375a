"""A configuration is exchanged while requests wait in its queues."""

import asyncio

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Metrics
from epp.api.request import Decision, Request
from epp.config.loader import load
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.metrics.recorder import EppMetrics
from epp.scheduling.scheduler import Scheduler
from epp.server.admission import Admissions

QUEUEING = """apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
"""


class House:
    """A full pool of one endpoint, and requests in front of it."""

    def __init__(self) -> None:
        self.metrics = EppMetrics()
        self.pool = Pool()
        self.pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
        self.report(99)
        self.admissions = Admissions(self.pool, self.metrics.flow)
        self.director = Director(
            self.pool, self.routing(QUEUEING), self.metrics, touch=lambda: None
        )
        self.answers: list[str] = []

    def report(self, waiting: int) -> None:
        (candidate,) = self.pool.snapshot()
        self.pool.scraped(candidate.endpoint, Metrics(waiting=waiting, updated_at=1.0))

    def routing(self, text: str) -> Routing:
        config = load(text)
        scheduler = Scheduler(config.profiles, config.handler, config.instances)
        return Routing(scheduler, scheduler, (), (), (), *self.admissions.make(config))

    def ask(self, name: str) -> Request:
        def answered(answer: object) -> None:
            assert isinstance(answer, Decision)
            self.answers.append(name)

        request = Request(name, {":method": "POST"}, "m", "m")
        assert self.director.route(request, answered) is None
        return request


@pytest.mark.parametrize("text", [QUEUEING, ""])
async def test_who_leaves_in_that_moment_is_gone_and_the_others_are_served(text: str) -> None:
    house = House()
    leaving = house.ask("leaving")
    house.ask("staying")
    house.director.use(house.routing(text))
    house.director.abandon(leaving)
    house.report(0)
    await asyncio.sleep(0.05)

    assert house.answers == ["staying"]
    assert house.pool.snapshot()[0].inflight == 1
    assert sum(series.waiting for _, series in house.metrics.flow.requests.items()) == 0
    if text:
        assert house.metrics.flow.outcomes == {
            ("EvictedContextCancelled", 0): 1,
            ("Dispatched", 0): 1,
        }
