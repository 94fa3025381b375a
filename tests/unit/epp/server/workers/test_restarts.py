"""Workers that cannot be started again at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from epp.config.loader import load
from epp.metrics.recorder import EppMetrics
from epp.metrics.sharing import shared
from epp.server import flags
from epp.server.health import Health
from epp.server.workers import processes
from epp.server.workers.processes import Workers


async def test_what_a_dead_worker_counted_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    is_enough = asyncio.Event()

    async def refuse(*_: Any, **__: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            is_enough.set()
        raise OSError(11, "Resource temporarily unavailable")

    async def ended() -> int:
        return -9

    monkeypatch.setattr(processes, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    metrics, director = EppMetrics(), Any
    workers = Workers(flags.parse(["--workers=1"]), load(""), director, metrics, Health())  # type: ignore[arg-type]
    process: Any = SimpleNamespace(wait=ended)
    worker = processes._Worker(process, workers._office)
    counted = EppMetrics()
    counted.processing.observe(0.5)
    worker.last_counted = shared(counted)
    workers._workers[0] = worker
    workers._keepers = [asyncio.create_task(workers._keep(0))]
    await asyncio.wait_for(is_enough.wait(), 60)
    await workers._start_no_more()
    workers._totals.show([])

    assert sum(metrics.processing.counts) == 1
