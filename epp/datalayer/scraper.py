"""Keeps the pool's load figures current: often while requests flow, seldom when none do."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable

from epp.api.endpoint import Endpoint
from epp.datalayer.engines import ENGINES, VLLM, Engine, engine_name
from epp.datalayer.pool import Pool
from epp.datalayer.target import Target, Terms
from epp.metrics.recorder import EppMetrics

logger = logging.getLogger(__name__)

IDLE_INTERVAL_SECONDS = 1.0
IDLE_AFTER_SECONDS = 2.0
MOST_SCRAPES_PER_SECOND = 2000
_MOST_PARTS = 10
_PART_SIZE = 10
_EXPIRE_SECONDS = 0.1


class Scraper:
    """Scrapes every endpoint of a pool from ``start`` to ``stop``.

    One timer serves all endpoints: the interval is cut into up to ten parts and each part begins
    the scrapes of its share, so that many endpoints spread evenly and few share one wake-up of the
    process, which costs more than a scrape. A scrape that is due while the last one is under way
    is left out. With very many endpoints the interval grows, so that the scrapes of all together
    stay below ``MOST_SCRAPES_PER_SECOND``.

    Args:
        pool: whose endpoints are scraped; changes of the set are followed.
        metrics: count scrapes and their failures.
        interval_seconds: between two scrapes of one endpoint while requests flow
            (``--refresh-metrics-interval``).
        idle_interval_seconds: the same when none came for two seconds; never more than half of
            the pool's staleness threshold.
        timeout_seconds: for connecting and answering together.
        engine: of endpoints whose labels name none.
        is_https: ask over TLS.
        is_verified: with TLS, the certificate must be valid for the endpoint's address.
        path: replaces the engine's own path unless empty.
        port: replaces the endpoints' port unless 0.
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
        engine: Engine = VLLM,
        is_https: bool = False,
        is_verified: bool = False,
        path: str = "",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if min(interval_seconds, idle_interval_seconds, timeout_seconds) <= 0:
            raise ValueError("intervals and the timeout of scrapes must be positive")
        self._pool = pool
        self._interval = interval_seconds
        self._idle_interval = max(
            interval_seconds, min(idle_interval_seconds, pool.staleness_seconds / 2)
        )
        self._engine = engine
        self._clock = clock
        self._terms = Terms(
            pool=pool,
            metrics=metrics,
            interval_seconds=interval_seconds,
            timeout_seconds=timeout_seconds,
            tls=_tls(is_verified=is_verified) if is_https else None,
            path=path,
            port=port,
            clock=clock,
        )
        self._targets: dict[Endpoint, Target] = {}
        self._order: list[Target] = []
        self._unknown_engines: set[str] = set()
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
            self._pool.expire()
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
            engine = self._engine_of(endpoint)
            target = self._targets.get(endpoint)
            if target is None:
                target = self._targets[endpoint] = Target(endpoint, engine, self._terms)
                target.scrape()
            elif target.engine is not engine:
                target.use(engine)
        self._order = list(self._targets.values())

    def _engine_of(self, endpoint: Endpoint) -> Engine:
        name = engine_name(endpoint.labels)
        if not name or name == self._engine.name:
            return self._engine
        engine = ENGINES.get(name)
        if engine is None and name not in self._unknown_engines:
            self._unknown_engines.add(name)
            logger.warning(
                "endpoint %s/%s is labelled with the unknown engine %r, read as %s; known are %s",
                endpoint.namespace,
                endpoint.name,
                name,
                self._engine.name,
                ", ".join(ENGINES),
            )
        return engine or self._engine

    def _close(self, target: Target) -> None:
        ending = target.close()
        if ending is not None:
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


def _tls(*, is_verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
