"""Builds what a configuration says of admission, and tells it what happens to the pool."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from epp.api.endpoint import Candidate
from epp.api.plugin import SaturationDetector
from epp.config.loader import Config
from epp.datalayer.pool import Pool
from epp.director.admission import Queueing
from epp.director.fullness import Fullness, is_full_as_scraped
from epp.flowcontrol.controller import FlowController
from epp.flowcontrol.reclaiming import Reclaiming
from epp.metrics.flow import FlowMetrics


class LoopTimers:
    """The running event loop and the clock that stamps scraped figures."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def soon(self, call: Callable[[], None]) -> None:
        """Call in the loop's next turn."""
        asyncio.get_running_loop().call_soon(call)

    def at(self, when: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call at that time; return what takes it back."""
        delay = max(0.0, when - time.monotonic())
        return asyncio.get_running_loop().call_later(delay, call).cancel


class Admitting(NamedTuple):
    """The part of a ``Routing`` that is about admission; the same names as there."""

    is_full: Callable[[Sequence[Candidate]], bool] | None
    admission: Queueing | None


class Admissions:
    """The admission of the configuration in use.

    Args:
        pool: in front of which requests wait.
        metrics: of flow control.
    """

    def __init__(self, pool: Pool, metrics: FlowMetrics) -> None:
        self._pool = pool
        self._metrics = metrics
        self._queueing: Queueing | None = None
        pool.on_figures(self._note_figures)
        pool.on_change(self._note_change)

    def make(self, config: Config) -> Admitting:
        """Return what the configuration says; its routing must be in use before the loop turns.

        Whoever waits under the configuration before waits under this one from now on, or goes on
        then if it keeps nobody waiting.
        """
        detector = config.detector.plugin
        assert isinstance(detector, SaturationDetector)
        before, self._queueing = self._queueing, None
        self._metrics.load = None
        if config.flow is not None:
            self._queueing = Queueing(
                FlowController(config.flow),
                Fullness(self._pool.snapshot, detector),
                LoopTimers(),
                self._metrics,
                detector=config.detector.name,
                reclaiming=(
                    Reclaiming(*config.flow.eviction, self._metrics)
                    if config.flow.eviction
                    else None
                ),
            )
        if before is not None:
            if self._queueing is None:
                asyncio.get_running_loop().call_soon(before.hand_over, None)
            else:
                # At once: a client that leaves is looked for in the new queues.
                before.hand_over(self._queueing)
        if self._queueing is not None:
            # Sheddable requests wait like others (GAIE).
            return Admitting(None, self._queueing)
        return Admitting(is_full_as_scraped(detector), None)

    def close(self) -> None:
        """Answer everybody who still waits."""
        if self._queueing is not None:
            self._queueing.close()

    def _note_figures(self) -> None:
        if self._queueing is not None:
            self._queueing.note_figures()

    def _note_change(self) -> None:
        if self._queueing is not None:
            self._queueing.wake()
