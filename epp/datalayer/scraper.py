"""Keeps the pool's load figures current: often while requests flow, seldom when none do."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from epp.api.endpoint import Endpoint
from epp.datalayer.attributes import Attributes
from epp.datalayer.engines import Engine, Engines, engine_name
from epp.datalayer.intake import Intake, LoadIntake
from epp.datalayer.pool import Pool
from epp.datalayer.target import Plan, Target, Terms
from epp.datalayer.tls import ClientTls
from epp.metrics.recorder import EppMetrics

logger = logging.getLogger(__name__)

IDLE_INTERVAL_SECONDS = 1.0
IDLE_AFTER_SECONDS = 2.0
MOST_SCRAPES_PER_SECOND = 2000
_MOST_PARTS = 10
_PART_SIZE = 10
_EXPIRE_SECONDS = 0.1
_MOST_UNKNOWN = 100


class Topic(Protocol):
    """What endpoints are asked for."""

    def plan(self, endpoint: Endpoint) -> Plan:
        """Return how the endpoint is asked now."""
        ...

    def intake(self, endpoint: Endpoint, plan: Plan) -> Intake:
        """Return who takes its answers."""
        ...

    def expire(self) -> None:
        """Note that time passes; called a few times a second."""
        ...


class Poller:
    """Asks every endpoint of a pool from ``start`` to ``stop``.

    One timer serves all endpoints: the interval is cut into up to ten parts and each part begins
    the polls of its share, so that many endpoints spread evenly and few share one wake-up of the
    process, which costs more than a poll. A poll that is due while the last one is under way
    is left out. With very many endpoints the interval grows, so that the polls of all together
    stay below ``MOST_SCRAPES_PER_SECOND``.

    Args:
        pool: whose endpoints are asked; changes of the set are followed.
        topic: what they are asked for.
        terms: on what terms.
        interval_seconds: between two polls of one endpoint while requests flow.
        idle_interval_seconds: the same when none came for two seconds.

    Raises:
        ValueError: an interval or the timeout is not positive.
    """

    def __init__(
        self,
        pool: Pool,
        topic: Topic,
        terms: Terms,
        *,
        interval_seconds: float,
        idle_interval_seconds: float,
    ) -> None:
        if min(interval_seconds, idle_interval_seconds, terms.timeout_seconds) <= 0:
            raise ValueError("intervals and the timeout of scrapes must be positive")
        self._pool = pool
        self._topic = topic
        self._interval = interval_seconds
        self._idle_interval = idle_interval_seconds
        self._clock = terms.clock
        self._terms = terms
        self._targets: dict[Endpoint, Target] = {}
        self._order: list[Target] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._part = 0
        self._next_expiry = 0.0
        self._active_until = 0.0
        self._is_touched = False
        self._is_idle = True
        self._unfollow: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin; each endpoint is scraped at once, also those that come later."""
        self._unfollow = self._pool.on_change(self._follow)
        self._follow()
        self._tick()

    async def stop(self) -> None:
        """End: no task, timer or connection is left."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for target in self._targets.values():
            self._close(target)
        self._targets.clear()
        self._order.clear()
        if self._ending:
            await asyncio.wait(self._ending)
        await asyncio.sleep(0)

    def touch(self) -> None:
        """Note that a request came; to be called for each one, costs next to nothing."""
        self._is_touched = True
        if self._is_idle and self._timer is not None:
            self._is_idle = False
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(0, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        if self._is_touched:
            self._is_touched = False
            self._active_until = now + IDLE_AFTER_SECONDS
        self._is_idle = now >= self._active_until
        order = self._order
        parts = max(1, min(_MOST_PARTS, len(order) // _PART_SIZE))
        part = self._part % parts
        self._part = part + 1
        for target in order[part * len(order) // parts : (part + 1) * len(order) // parts]:
            target.scrape()
        if now >= self._next_expiry:
            self._next_expiry = now + _EXPIRE_SECONDS
            self._topic.expire()
        interval = self._idle_interval if self._is_idle else self._interval
        crowded = min(self._idle_interval, len(order) / MOST_SCRAPES_PER_SECOND)
        self._timer = asyncio.get_running_loop().call_later(
            max(interval, crowded) / parts, self._tick
        )

    def _follow(self) -> None:
        """Bring the targets in line with the pool."""
        endpoints = [candidate.endpoint for candidate in self._pool.snapshot()]
        for endpoint in self._targets.keys() - set(endpoints):
            self._close(self._targets.pop(endpoint))
        for endpoint in endpoints:
            plan = self._topic.plan(endpoint)
            target = self._targets.get(endpoint)
            if target is None:
                intake = self._topic.intake(endpoint, plan)
                target = self._targets[endpoint] = Target(endpoint, plan, intake, self._terms)
                target.scrape()
            elif target.plan != plan:
                target.use(plan, self._topic.intake(endpoint, plan))
        self._order = list(self._targets.values())

    def _close(self, target: Target) -> None:
        ending = target.close()
        if ending is not None:
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


class Load:
    """The topic of load figures: each engine writes them in its own way.

    Args:
        pool: takes them.
        metrics: count scrapes and their failures.
        engines: how they are written.
        path: replaces the engines' own paths unless empty.
        attributes: take the engines' custom numbers.
    """

    def __init__(
        self,
        pool: Pool,
        metrics: EppMetrics,
        engines: Engines,
        path: str = "",
        attributes: Attributes | None = None,
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._engines = engines
        self._path = path
        self._attributes = attributes
        self._unknown: set[str] = set()

    def plan(self, endpoint: Endpoint) -> Plan:
        """See ``Topic``."""
        engine = self._engine_of(endpoint)
        return Plan(self._path or engine.path, engine)

    def intake(self, endpoint: Endpoint, plan: Plan) -> LoadIntake:
        """See ``Topic``."""
        engine = plan.engine or self._engines.default
        return LoadIntake(endpoint, engine, self._pool, self._metrics, self._attributes)

    def expire(self) -> None:
        """See ``Topic``."""
        self._pool.expire()

    def _engine_of(self, endpoint: Endpoint) -> Engine:
        engines = self._engines
        engine = engines.of(endpoint.labels)
        if engine is None:
            self._say_unknown(endpoint)
        return engine or engines.default

    def _say_unknown(self, endpoint: Endpoint) -> None:
        engines = self._engines
        name = engine_name(endpoint.labels, engines.label_keys)
        if name in self._unknown or len(self._unknown) >= _MOST_UNKNOWN:
            return
        self._unknown.add(name)
        logger.warning(
            "endpoint %s/%s is labelled with the unknown engine %r, read as %s; known are %s",
            endpoint.namespace,
            endpoint.name,
            name,
            engines.default.name,
            ", ".join(engines.by_name),
        )


class Scraper(Poller):
    """Scrapes the load figures of every endpoint of a pool from ``start`` to ``stop``.

    Args:
        pool: whose endpoints are scraped; changes of the set are followed.
        metrics: count scrapes and their failures.
        interval_seconds: between two scrapes of one endpoint while requests flow
            (``--refresh-metrics-interval``).
        idle_interval_seconds: the same when none came for two seconds; never more than half of
            the pool's staleness threshold.
        timeout_seconds: for connecting and answering together.
        engines: how the figures are written.
        tls: how to speak https; None is plain http.
        path: replaces the engines' own paths unless empty.
        port: replaces the endpoints' port unless 0.
        attributes: take the engines' custom numbers.
        clock: monotonic seconds, the pool's clock.

    Raises:
        ValueError: an interval or the timeout is not positive.
    """

    def __init__(
        self,
        pool: Pool,
        metrics: EppMetrics,
        *,
        interval_seconds: float = 0.05,
        idle_interval_seconds: float = IDLE_INTERVAL_SECONDS,
        timeout_seconds: float = 1.0,
        engines: Engines | None = None,
        tls: ClientTls | None = None,
        path: str = "",
        port: int = 0,
        attributes: Attributes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            pool,
            Load(pool, metrics, engines or Engines(), path, attributes),
            Terms(
                subject="load",
                interval_seconds=interval_seconds,
                timeout_seconds=timeout_seconds,
                tls=tls,
                port=port,
                clock=clock,
            ),
            interval_seconds=interval_seconds,
            idle_interval_seconds=max(
                interval_seconds, min(idle_interval_seconds, pool.staleness_seconds / 2)
            ),
        )
