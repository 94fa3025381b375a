"""One server's state: what it was told, what it runs, and what about it is broken."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace

from gaiectl.simulator import metric_names as names
from gaiectl.simulator.engine import Engine
from gaiectl.simulator.fake_metrics import FakeMetrics
from gaiectl.simulator.faults import Faults
from gaiectl.simulator.kv_events import KvEventLog
from gaiectl.simulator.lora import Models
from gaiectl.simulator.metrics import EngineMetrics, Load
from gaiectl.simulator.settings import Settings

_OTHER_NAMES = {
    names.WAITING: "vllm:requests_in_queue",
    names.KV_USAGE: names.LEGACY_KV_USAGE,
}
"""What the fault renamed-metric makes of two metrics."""


class ModelServer:
    """Everything behind one port.

    Attributes:
        settings: replaced as a whole when something of it changes at run time.
        asleep: sleep mode.
        draining: SIGTERM was received.
        quiet: set while no request is open.
        kv_events: what happens in the KV cache; None when it is not published.
    """

    def __init__(
        self, settings: Settings, *, rank: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        seed = settings.model.seed
        self.settings = settings
        self.rank = rank
        self.clock = clock
        self.rng = random.Random(None if seed is None else f"{seed}/{rank}")
        self.models = Models(settings)
        cache = settings.kv_cache
        self.kv_events = KvEventLog(cache.block_size) if cache.published is not None else None
        self.engine = Engine(settings, rng=self.rng, clock=clock, rank=rank, events=self.kv_events)
        self.faults = Faults(clock=clock, rng=self.rng)
        self.asleep = False
        self.draining = False
        self.open_requests = 0
        self.quiet = asyncio.Event()
        self.quiet.set()
        self._began = clock()
        self._told: tuple[FakeMetrics, EngineMetrics, float] | None = None
        self._stale: tuple[float, str] | None = None
        self.tell(settings.metrics.fake_metrics)

    def apply(self, settings: Settings) -> None:
        """Take new settings; only latencies, failures and told metrics have an effect."""
        told_before = self.settings.metrics.fake_metrics
        self.settings = settings
        self.engine.latencies = settings.latencies
        if settings.metrics.fake_metrics is not told_before:
            self.tell(settings.metrics.fake_metrics)

    def tell(self, fake: FakeMetrics | None) -> None:
        """Show told metrics from now on, or the real ones again."""
        self.settings = replace(
            self.settings, metrics=replace(self.settings.metrics, fake_metrics=fake)
        )
        self.engine.counting = fake is None
        if fake is None:
            self._told = None
            return
        metrics = EngineMetrics(self.settings, rank=self.rank)
        metrics.tell(fake)
        # A change of one value must not make the curves of the others begin anew.
        since = self._told[2] if self._told else self.clock()
        self._told = (fake, metrics, since)

    def request_began(self) -> None:
        """Count a request of any kind as open."""
        self.open_requests += 1
        self.quiet.clear()

    def request_ended(self) -> None:
        """Count it no longer."""
        self.open_requests -= 1
        if not self.open_requests:
            self.quiet.set()

    def listens_on(self, port: int) -> None:
        """Take the port that the listener got."""
        serving = replace(self.settings.serving, port=port)
        self.settings = replace(self.settings, serving=serving)

    def ready(self) -> bool:
        """Return whether the model counts as loaded."""
        return self.clock() - self._began >= self.settings.serving.startup_duration

    def metrics_text(self) -> str:
        """Return ``/metrics`` as the faults of the moment leave it."""
        since = self.faults.since("stale-metrics")
        if since is None:
            self._stale = None
        elif self._stale is None or self._stale[0] != since:
            self._stale = (since, self._present_text())
        text = self._present_text() if self._stale is None else self._stale[1]
        if self.faults.since("renamed-metric") is not None:
            for name, other in _OTHER_NAMES.items():
                text = text.replace(name, other)
        return text

    def _present_text(self) -> str:
        if self._told is None:
            return self.engine.metrics.text(self.engine.load(), self.engine.lora_info.series())
        fake, metrics, since = self._told
        step = self.settings.metrics.fake_metrics_refresh_interval
        seconds = self.clock() - since
        if step:
            seconds = seconds // step * step
        load = Load(
            running=fake.gauge(names.RUNNING, seconds),
            waiting=fake.gauge(names.WAITING, seconds),
            kv_usage=fake.gauge(names.KV_USAGE, seconds),
        )
        return metrics.text(load, fake.loras or [("", "", since)])
