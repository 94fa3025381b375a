"""A stack with pods is looked at, changed and brought back, as its users do."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from machine.cluster import Cluster

pytestmark = pytest.mark.long

Said = subprocess.CompletedProcess[str]
Gaiectl = Callable[..., Said]

_SECONDS = 300
_BECOMES_SECONDS = 60


@pytest.fixture(scope="module")
def environment(machine_kubeconfig: Path, helm4: Path) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(machine_kubeconfig), "GAIECTL_HELM": str(helm4)}


@pytest.fixture(scope="module")
def gaiectl(environment: dict[str, str]) -> Gaiectl:
    def run(*words: str) -> Said:
        return subprocess.run(
            [sys.executable, "-m", "gaiectl", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    return run


@pytest.fixture(scope="module")
def stack(gaiectl: Gaiectl, pod_namespace: str, stack_images: Any) -> Iterator[str]:
    """A stack "llm" that serves; returns its namespace."""
    del stack_images
    options = ("--model-server", "builtin", "--include-crds", "-n", pod_namespace)
    done = gaiectl("install", "standalone", *options)
    assert done.returncode == 0, done.stderr
    yield pod_namespace
    gaiectl("cleanup", "llm", "-n", pod_namespace, "-y")


def report(
    gaiectl: Gaiectl, namespace: str, holds: Callable[[Any], bool] = lambda _: True
) -> dict[str, Any]:
    """Return how a stack is, once something holds of that, or after a while."""
    deadline = time.monotonic() + _BECOMES_SECONDS
    while True:
        told = gaiectl("status", "-n", namespace, "-o", "json").stdout
        found: dict[str, Any] = json.loads(told)
        (item,) = found["items"]
        assert isinstance(item, dict)
        if holds(item) or time.monotonic() > deadline:
            return item


def kv_caches(seen: dict[str, Any]) -> list[float]:
    """Return how full the caches are, of all servers that the picker has asked."""
    return [one["kvCacheUsage"] for one in seen["endpoints"]]


def test_a_stack_that_serves_tells_its_endpoints_and_the_leader(
    gaiectl: Gaiectl, stack: str
) -> None:
    seen = report(gaiectl, stack, lambda one: kv_caches(one) == [0.0] * 3)

    assert seen["isHealthy"], seen["problems"]
    assert kv_caches(seen) == [0.0] * 3
    assert [one["component"] for one in seen["pods"]] == ["epp", "model", "model", "model"]

    two = ("--set", "inferenceExtension.replicas=2")
    done = gaiectl("upgrade", "-n", stack, *two)
    assert done.returncode == 0, done.stderr
    seen = report(gaiectl, stack)
    epps = {one["name"]: one["message"] for one in seen["pods"] if one["component"] == "epp"}
    assert seen["leader"]["pod"] in epps
    # The one of before serves for a while yet.
    assert sorted(set(epps.values()) - {"it is being deleted"}) == ["", "stands by"]
    assert seen["isHealthy"], seen["problems"]


def test_what_does_not_become_ready_is_gone_back_from(
    gaiectl: Gaiectl, stack: str, machine: Cluster
) -> None:
    one = ("--set", "inferenceExtension.replicas=1", "-n", stack)
    assert gaiectl("upgrade", *one).returncode == 0
    quiet = gaiectl("upgrade", "-n", stack)
    assert (quiet.returncode, quiet.stdout) == (0, "")
    env = "inferenceExtension.env[0]"
    without_python = f"{env}.name=PYTHONHOME,{env}.value=/nowhere"
    broken = gaiectl("upgrade", "-n", stack, "--set", without_python, "--timeout", "90s")
    assert broken.returncode in (1, 3), broken.stderr
    first, *_ = report(gaiectl, stack)["problems"]
    assert first["message"].startswith("pod llm-epp-"), first
    before = gaiectl("logs", "-n", stack, "--component", "epp", "--previous").stdout
    assert "PYTHONHOME" in before

    back = gaiectl("rollback", "llm", "-n", stack)

    assert back.returncode == 0, back.stderr
    assert report(gaiectl, stack)["isHealthy"]
    deployment = machine.get("deployment", "llm-epp", stack)
    assert "PYTHONHOME" not in json.dumps(deployment["spec"])
    history = json.loads(gaiectl("history", "llm", "-n", stack, "-o", "json").stdout)
    assert [one["cause"] for one in history["revisions"]][-2:] == ["upgrade", "rollback to 3"]


def test_logs_of_all_pods_come_at_once_and_those_of_later_pods_too(
    gaiectl: Gaiectl, stack: str, machine: Cluster, environment: dict[str, str]
) -> None:
    models = gaiectl("logs", "llm", "-n", stack, "--component", "model").stdout.splitlines()
    begun = {line.partition(": ")[0] for line in models if "listening on" in line}
    assert len(begun) == 3

    command = [sys.executable, "-m", "gaiectl", "logs", "-n", stack, "-f", "--component", "model"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        end = threading.Timer(_SECONDS, following.kill)
        end.start()
        assert following.stdout.readline().partition(": ")[0] in begun
        machine.do("delete", "pod", "-n", stack, min(begun), "--wait=false")
        names = (line.partition(": ")[0] for line in following.stdout)
        assert any(name not in begun for name in names)
        following.send_signal(signal.SIGINT)
        following.stdout.read()
        assert following.wait() == 130
        end.cancel()
