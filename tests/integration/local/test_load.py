"""Under load, nothing is lost while the pool changes or an endpoint dies."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest


@contextmanager
def load(url: str, clients: int = 8) -> Iterator[Counter[str]]:
    """Send completions from several clients until the block ends; count what came of them."""
    outcomes: Counter[str] = Counter()
    served: set[str] = set()
    lock = threading.Lock()
    stop = threading.Event()

    def client(number: int) -> None:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as session:
            body = {"model": "simulated-model", "prompt": f"I am {number}", "max_tokens": 3}
            while not stop.is_set():
                try:
                    answer = session.post("/v1/completions", json=body)
                    outcome = str(answer.status_code)
                    served.add(answer.headers.get("x-gateway-destination-endpoint-served", ""))
                except httpx.TransportError as error:
                    outcome = type(error).__name__
                with lock:
                    outcomes[outcome] += 1

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_while_scaling_up_and_down(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "2", "--sim-arg=--inter-token-latency=20ms")

    with load(stack["gateway"]["url"]) as outcomes:
        assert gaiectl.run("local", "scale", "4").returncode == 0
        assert gaiectl.run("local", "scale", "1").returncode == 0

    assert set(outcomes) == {"200"}, outcomes
    assert [e["name"] for e in gaiectl.status()["endpoints"]] == ["sim-0"]


@pytest.mark.parametrize("body_mode", ["buffered", "duplex"])
def test_no_request_fails_when_an_endpoint_dies(gaiectl: Any, body_mode: str) -> None:
    stack = gaiectl.up(
        *("--replicas", "3", "--body-mode", body_mode, "--sim-arg=--inter-token-latency=20ms")
    )

    with load(stack["gateway"]["url"]) as outcomes:
        assert gaiectl.run("local", "kill", "sim-1").returncode == 0
        assert gaiectl.run("local", "status").returncode == 1
        assert gaiectl.run("local", "start", "sim-1").returncode == 0

    assert set(outcomes) == {"200"}, outcomes


def test_down_leaves_nothing_after_crashes_under_load(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "2", "--sim-arg=--inter-token-latency=20ms")
    victims = [
        stack["endpoints"][0]["pid"],
        stack["epp"]["pid"],
        stack["envoy"]["pid"],
    ]

    with load(stack["gateway"]["url"]) as outcomes:
        for pid in victims:
            before = outcomes.total()
            while outcomes.total() < before + 20:
                threading.Event().wait(0.01)
            os.kill(pid, signal.SIGKILL)
        assert gaiectl.run("local", "down").returncode == 0

    assert gaiectl.leftovers() == []


def test_faults_are_switched_on_for_a_time(gaiectl: Any) -> None:
    stack = gaiectl.up("--replicas", "2")

    done = gaiectl.run("local", "fault", "sim-0", "not-ready-flapping", "--for", "300s")

    assert done.stdout == "sim-0: not-ready-flapping for 300s\n"

    def active() -> list[str]:
        url = f"{stack['endpoints'][0]['url']}/admin/faults"
        return [fault["name"] for fault in httpx.get(url, trust_env=False).json()["active"]]

    assert active() == ["not-ready-flapping"]
    assert gaiectl.run("local", "fault", "sim-0", "stall").returncode == 0
    assert gaiectl.run("local", "fault", "sim-0", "not-ready-flapping", "--off").returncode == 0
    assert active() == ["stall"]
    assert gaiectl.run("local", "fault", "sim-0", "--off").returncode == 0
    assert active() == []
    wrong = gaiectl.run("local", "fault", "sim-0", "stal")
    assert wrong.returncode == 2
    assert "stall" in wrong.stderr
