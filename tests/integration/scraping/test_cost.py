"""What scraping costs: CPU of this process, the model servers being another one."""

import subprocess
import sys
import time
from asyncio import sleep
from collections.abc import Iterator
from pathlib import Path

import pytest

from epp.api.discovery import EndpointSpec
from epp.datalayer.pool import Pool
from epp.datalayer.scraper import Scraper
from epp.metrics.recorder import EppMetrics

HERE = Path(__file__).parent
TEXT = HERE.parents[1] / "unit/epp/datalayer/data/vllm-idle.txt"
MOST_CORES_IDLE = 0.15


@pytest.fixture
def hundred_ports() -> Iterator[list[int]]:
    """Ports of a hundred servers of a real vLLM's 54 KB metrics text."""
    command = [sys.executable, str(HERE / "metrics_server.py"), str(TEXT), "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield [int(port) for port in process.stdout.readline().split()]
        process.kill()


@pytest.mark.slow
async def test_a_hundred_idle_endpoints_cost_little(hundred_ports: list[int]) -> None:
    pool, metrics = Pool(), EppMetrics()
    pool.replace(EndpointSpec(f"e{port}", "default", "127.0.0.1", port) for port in hundred_ports)
    scraper = Scraper(pool, metrics)
    await scraper.start()
    await sleep(1.5)
    cpu, wall, scrapes = time.process_time(), time.monotonic(), metrics.scrapes
    await sleep(4.0)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    scrapes = metrics.scrapes - scrapes
    await scraper.stop()
    print(f"\n{cpu / wall:.3f} cores, {scrapes / wall:.0f} scrapes/s, {cpu / scrapes * 1e6:.0f} us")

    assert all(candidate.is_fresh for candidate in pool.snapshot())
    assert metrics.scrape_errors == {}
    assert scrapes > 200
    assert cpu / wall < MOST_CORES_IDLE
