"""SIGTERM: nothing new, what runs is finished, health says no, exit code 0."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

BODY = {"prompt": "a", "max_tokens": 50, "ignore_eos": True, "stream": True}


def finish(run: Any, result: list[str]) -> threading.Thread:
    """Read a stream to its end in the background; return once it has begun."""
    begun = threading.Event()

    def read() -> None:
        with httpx.stream("POST", f"{run.url}/v1/completions", json=BODY, timeout=60) as answer:
            for line in answer.iter_lines():
                begun.set()
                result.append(line)

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(60)
    return thread


def test_running_requests_are_finished_while_health_says_no(simulator: Callable) -> None:
    run = simulator()
    with run.client as kept, run.client as other:
        kept.get("/health").raise_for_status()
        # What runs lasts until the other connection says that it may end.
        other.post("/admin/faults", json={"name": "stall"}).raise_for_status()
        lines: list[str] = []
        reader = finish(run, lines)
        run.process.send_signal(signal.SIGTERM)
        port = int(run.url.rpartition(":")[2])
        deadline = time.monotonic() + 60
        while _accepts(port):
            assert time.monotonic() < deadline, "still accepts connections"
            time.sleep(0.01)
        assert kept.get("/health").status_code == 503
        other.delete("/admin/faults/stall").raise_for_status()
    reader.join(60)

    assert lines.count("data: [DONE]") == 1
    assert run.process.wait(60) == 0
    run.end()
    assert run.errors == []


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_drain_ends_after_its_time(simulator: Callable) -> None:
    run = simulator("--time-to-first-token=1h", "--drain-timeout=300ms")
    with run.client as client, client.stream("POST", "/v1/completions", json=BODY):
        run.process.send_signal(signal.SIGTERM)

        assert run.process.wait(60) == 0
    run.end()  # all that it said has been read
    assert any("--drain-timeout" in line for line in run.errors)


def test_an_idle_simulator_ends_at_once(simulator: Callable) -> None:
    run = simulator()
    with run.client as kept:
        kept.get("/health")
        began = time.monotonic()
        run.process.send_signal(signal.SIGTERM)

        assert run.process.wait(60) == 0
    assert time.monotonic() - began < 20  # requests that run get 30 s


@pytest.mark.parametrize(
    "command", [["-m", "gaiectl.simulator"], ["-m", "gaiectl", "sim"]], ids=["module", "gaiectl"]
)
def test_both_commands_refuse_an_unknown_flag_with_exit_code_two(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "--prot=1"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: unknown flag --prot (did you mean --port?)",
        "hint: see gaiectl sim --help",
    ]


@pytest.mark.parametrize(
    "command", [["-m", "gaiectl.simulator"], ["-m", "gaiectl", "sim"]], ids=["module", "gaiectl"]
)
def test_both_commands_show_the_same_help(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "--help"], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("usage: gaiectl sim ")
    assert "--max-num-seqs" in done.stdout
