"""Waiting for pods on a real node: those that come, and those that never will."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Document
from gaiectl.errors import GaieError, TimedOut
from gaiectl.operations.waiting import Patience, Pending, until_ready
from machine.pods import pod

Run = Callable[..., GaieError | None]
SLEEP = ["-c", "import time; time.sleep(1000)"]
CRASH = ["-c", "import sys; sys.exit('no configuration')"]


class Silence:
    """Hears what is waited for."""

    def waits(self, pending: Sequence[Pending]) -> None: ...


def deployment(made: Document, **spec: Any) -> Document:
    """Return a Deployment of such pods."""
    metadata = made["metadata"]
    template = {"metadata": {"labels": metadata["labels"]}, "spec": {**made["spec"], **spec}}
    del template["spec"]["restartPolicy"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": metadata["name"]},
        "spec": {"selector": {"matchLabels": metadata["labels"]}, "template": template},
    }


@pytest.fixture
def run(machine_kubeconfig: Path, pod_namespace: str) -> Run:
    """Apply a Deployment and wait for it; return why it does not become ready."""

    def apply(document: Document, seconds: float = 300) -> GaieError | None:
        api = Cluster(connect(Access(kubeconfig=str(machine_kubeconfig))))
        document["metadata"]["namespace"] = pod_namespace
        api.apply(document)
        try:
            until_ready(api, [document], Patience(seconds), Silence())
        except GaieError as error:
            return error
        return None

    return apply


def test_pods_that_run_are_ready_and_those_that_cannot_are_given_up(
    run: Run, python_image_name: str
) -> None:
    assert run(deployment(pod("runs", python_image_name, SLEEP))) is None
    error = run(deployment(pod("nameless", "UPPER//case", SLEEP)))
    assert error is not None
    assert "UPPER//case" in error.message
    probe = {"httpGet": {"port": 81}, "periodSeconds": 1}
    slow = deployment(pod("slow", python_image_name, SLEEP, readinessProbe=probe))
    late = next(  # at first its controller may not have seen it, on a busy machine
        error
        for error in (run(slow, 2) for _ in range(60))
        if error is None or "0 of 1 pods are available" in error.detail
    )
    assert isinstance(late, TimedOut)
    assert "deployment.apps/slow" in late.detail


@pytest.mark.long
def test_what_stands_in_the_way_of_pods_is_told_in_the_words_of_the_user(
    run: Run, python_image_name: str
) -> None:
    def one(name: str, image: str = "", arguments: Sequence[str] = SLEEP, **more: Any) -> Document:
        return pod(name, image or python_image_name, arguments, **more)

    reference = {"secretKeyRef": {"name": "hf-token", "key": "token"}}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/weights"}]}
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "weights"}}
    cases = {
        "cannot pull image localhost/none:1": deployment(
            one("pulls", "localhost/none:1", imagePullPolicy="Always")
        ),
        "lacks Secret hf-token": deployment(
            one("secret", env=[{"name": "TOKEN", "valueFrom": reference}])
        ),
        "it asks for 8 example.com/gpu; 0/1 nodes are available: 1 Insufficient example.com/gpu; "
        "no node has any example.com/gpu": deployment(
            one("large", resources={"limits": {"example.com/gpu": "8"}})
        ),
        "there is no PersistentVolumeClaim weights": deployment(
            one("volume", **mount), volumes=[claim]
        ),
        "ended with exit code 1, restarted 3 times": deployment(
            one("crash", arguments=CRASH, readinessProbe={"httpGet": {"port": 81}})
        ),
    }
    with ThreadPoolExecutor(len(cases)) as threads:
        errors = dict(zip(cases, threads.map(run, cases.values()), strict=True))
    for said, error in errors.items():
        assert error is not None, said
        assert said in error.message
    crashed = errors["ended with exit code 1, restarted 3 times"]
    assert crashed is not None
    assert "no configuration" in crashed.detail
