"""Endpoints whose metrics cannot be had get their share of the requests, and no more."""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Endpoint, Metrics
from epp.api.request import Request
from epp.config import load
from epp.datalayer.pool import Pool
from epp.scheduling.scheduler import Scheduler

Ask = Callable[..., Request]
REQUESTS = 300


class Gateway:
    """Three endpoints behind a default configuration."""

    def __init__(self, ask: Ask) -> None:
        config = load("")
        self._ask = ask
        self._scheduler = Scheduler(
            config.profiles, config.handler, config.instances, random=Random(7)
        )
        self.pool = Pool()
        self.pool.replace(EndpointSpec(f"e{n}", "default", "10.0.0.1", 8000 + n) for n in range(3))
        self.endpoints = [candidate.endpoint for candidate in self.pool.snapshot()]
        self._sent = 0

    def scrape(self, endpoints: Iterable[Endpoint], kv_usage: float = 0.4) -> None:
        for endpoint in endpoints:
            self.pool.scrape_started(endpoint)
            self.pool.scraped(endpoint, Metrics(kv_usage=kv_usage, updated_at=1.0))

    def send(self) -> Endpoint:
        self._sent += 1
        request = self._ask(prompt=f"{self._sent:<64}")
        candidates = self.pool.snapshot()
        decision = self._scheduler.schedule(request, candidates)
        self._scheduler.dispatched(request, decision, candidates)
        self.pool.dispatched(decision.primary)
        return decision.primary


@pytest.mark.parametrize("are_held", [True, False])
@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_requests_spread_evenly_however_many_endpoints_are_known(
    ask: Ask, known: int, *, are_held: bool
) -> None:
    gateway = Gateway(ask)
    gateway.scrape(gateway.endpoints[:known])

    served: Counter[Endpoint] = Counter()
    for _ in range(REQUESTS):
        endpoint = gateway.send()
        served[endpoint] += 1
        if not are_held:
            gateway.pool.completed(endpoint)

    assert all(served[endpoint] > REQUESTS / 4 for endpoint in gateway.endpoints)


def test_without_any_figure_requests_in_flight_are_kept_level(ask: Ask) -> None:
    gateway = Gateway(ask)

    for _ in range(REQUESTS):
        gateway.send()

    in_flight = [candidate.inflight for candidate in gateway.pool.snapshot()]
    assert in_flight == [REQUESTS // 3] * 3


def test_an_endpoint_that_answers_neither_scrapes_nor_requests_gets_few(ask: Ask) -> None:
    gateway = Gateway(ask)
    *alive, hung = gateway.endpoints

    for _ in range(REQUESTS):
        gateway.scrape(alive)
        endpoint = gateway.send()
        if endpoint is not hung:
            gateway.pool.completed(endpoint)

    assert gateway.pool.snapshot()[2].inflight <= 2
