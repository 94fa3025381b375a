"""Scraping many endpoints, whose servers are another process."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from epp.api.discovery import EndpointSpec
from epp.datalayer.pool import Pool
from epp.datalayer.scraper import IDLE_INTERVAL_SECONDS, Scraper
from epp.metrics.recorder import EppMetrics

HERE = Path(__file__).parent
TEXT = HERE.parents[1] / "unit/epp/datalayer/data/vllm-idle.txt"


@pytest.fixture
def hundred_ports() -> Iterator[list[int]]:
    """Ports of a hundred servers of a real vLLM's 54 KB metrics text."""
    command = [sys.executable, str(HERE / "metrics_server.py"), str(TEXT), "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield [int(port) for port in process.stdout.readline().split()]
        process.kill()


@pytest.mark.slow
async def test_a_hundred_idle_endpoints_stay_fresh_on_a_scrape_a_second_each(
    hundred_ports: list[int],
) -> None:
    pool, metrics = Pool(), EppMetrics()
    pool.replace(EndpointSpec(f"e{port}", "default", "127.0.0.1", port) for port in hundred_ports)
    scraper = Scraper(pool, metrics, timeout_seconds=60)
    await scraper.start()
    await asyncio.sleep(1.5)
    began, scrapes = time.monotonic(), metrics.scrapes
    await asyncio.sleep(4.0)
    # At less than one scrape in two seconds some would be stale at each moment.
    async with asyncio.timeout(60):
        while not all(candidate.is_fresh for candidate in pool.snapshot()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    seconds, scrapes = time.monotonic() - began, metrics.scrapes - scrapes
    await scraper.stop()

    assert metrics.scrape_errors == {}
    assert 0 < scrapes <= 100 * (seconds / IDLE_INTERVAL_SECONDS + 1)
