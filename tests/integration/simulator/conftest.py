"""Simulators as real processes."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

PATIENCE_SECONDS = 60.0


@dataclass
class Running:
    """A simulator that listens."""

    process: subprocess.Popen[str]
    urls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    pumps: list[threading.Thread] = field(default_factory=list)

    def listen(self, ranks: int) -> None:
        """Return when all ranks have said where they listen."""
        lines: queue.Queue[str] = queue.Queue()

        def pump_out() -> None:
            for line in self.process.stdout or ():
                lines.put(line)
            lines.put("")

        def pump_errors() -> None:
            self.errors.extend(self.process.stderr or ())

        self.pumps = [threading.Thread(target=pump) for pump in (pump_out, pump_errors)]
        for pump in self.pumps:
            pump.start()
        for _ in range(ranks):
            line = lines.get(timeout=PATIENCE_SECONDS)
            if not line:
                self.pumps[1].join()
            assert line.startswith("listening on "), self.errors
            self.urls.append(line.removeprefix("listening on ").strip())

    def end(self) -> None:
        """Wait for the process, which was told to end, and clean up after it."""
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pump in self.pumps:
            pump.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS, verify=False)

    def metrics(self) -> dict[str, float]:
        """Return the samples of /metrics by their name with labels."""
        text = httpx.get(f"{self.url}/metrics", verify=False).text
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def metric(self, name: str) -> float:
        """Return the sum of the samples of a name, over all its labels."""
        found = [v for key, v in self.metrics().items() if key.partition("{")[0] == name]
        assert found, name
        return sum(found)

    def wait_for(self, name: str, value: float) -> None:
        """Return when a metric has this value."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.metric(name) != value:
            assert time.monotonic() < deadline, f"{name} is {self.metric(name)}, not {value}"
            time.sleep(0.02)

    def wait_for_rest(self) -> None:
        """Return when nobody runs, waits or holds a part of the cache."""
        for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"):
            self.wait_for(f"vllm:{name}", 0)


Launch = Callable[..., Running]


@contextmanager
def _simulators() -> Iterator[Launch]:
    started: list[Running] = []

    def launch(*flags: str, environ: dict[str, str] | None = None, ranks: int = 1) -> Running:
        command = [sys.executable, "-m", "gaiectl.simulator", "--port", "0", "--seed", "1", *flags]
        running = Running(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **(environ or {})},
            )
        )
        started.append(running)
        running.listen(ranks)
        return running

    yield launch

    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
    for running in started:
        running.end()
    for running in started:
        assert not any("Traceback" in line for line in running.errors), "".join(running.errors)


@pytest.fixture
def simulator() -> Iterator[Launch]:
    """Return a function that starts a simulator with flags; all are stopped afterwards."""
    with _simulators() as launch:
        yield launch


@pytest.fixture(scope="module")
def module_simulator() -> Iterator[Launch]:
    """The same for simulators that the tests of a file share."""
    with _simulators() as launch:
        yield launch
