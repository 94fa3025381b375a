"""Load on a stack from a pod beside it: through Service, DNS and kube-proxy, as clients come.

A port-forward would lead to one pod, and end with it.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from machine.cluster import Cluster
from machine.pods import pod

_PROGRAM = Path(__file__).with_name("load_program.py")
_NAME = "load"
_SECONDS = 90


class Load(NamedTuple):
    """What became of the requests so far.

    Attributes:
        answered: as they must be, streams with their end.
        streamed: of these, how many were streams.
        connections: that were made.
        failed: all others: refused, reset, another status than 200, cut off.
        longest_gap: seconds in which no request at all was answered.
        failures: the first fifty of those that failed: when, which kind, why.
    """

    answered: int
    streamed: int
    connections: int
    failed: int
    longest_gap: float
    failures: list[str]


class Clients:
    """Clients that ask without a break until they are ended.

    Args:
        cluster: where they run.
        namespace: of their pod.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def so_far(self) -> Load:
        """Return what became of the requests, as of a second ago."""
        said = self._cluster.do("logs", _NAME, "-n", self._namespace, "--tail=1")
        return Load(**json.loads(said)) if said else Load(0, 0, 0, 0, 0.0, [])

    def go_on(self, count: int = 100) -> Load:
        """Wait until so many more requests were answered well."""
        seen = self.so_far()
        wanted, deadline = seen.answered + count, time.monotonic() + _SECONDS
        while seen.answered < wanted:
            assert time.monotonic() < deadline, f"no {count} answers in {_SECONDS} s: {seen}"
            time.sleep(0.5)
            seen = self.so_far()
        return seen

    def end(self) -> Load:
        """Let requests under way end, and no more begin; return what became of all."""
        stop = "import os; os.kill(1, 15)"
        self._cluster.do("exec", _NAME, "-n", self._namespace, "--", "python", "-c", stop)
        ended = ("--for=jsonpath={.status.phase}=Succeeded", f"pod/{_NAME}", "-n", self._namespace)
        self._cluster.do("wait", *ended, f"--timeout={_SECONDS}s")
        return self.so_far()


@contextlib.contextmanager
def load(cluster: Cluster, namespace: str, image: str, url: str, model: str) -> Iterator[Clients]:
    """Put load on a gateway from a pod; it is gone afterwards.

    Args:
        cluster: where.
        namespace: of the pod; better not the stack's.
        image: one that has ``python``, such as the EPP's.
        url: of the gateway, as pods reach it: ``http://NAME.NAMESPACE:PORT``.
        model: what to ask for.
    """
    command = ["python", "-c", _PROGRAM.read_text(), url, model]
    cluster.apply([pod(_NAME, image, [], command=command)], "-n", namespace)
    try:
        ready = ("--for=condition=Ready", f"pod/{_NAME}", "-n", namespace)
        cluster.do("wait", *ready, f"--timeout={_SECONDS}s")
        clients = Clients(cluster, namespace)
        clients.go_on(1)
        yield clients
    finally:
        cluster.do("delete", "pod", _NAME, "-n", namespace, "--ignore-not-found", "--wait=true")
