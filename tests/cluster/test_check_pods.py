"""``gaiectl check --post``: a stack that serves passes, and what is broken in it is told."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from machine.cluster import Cluster
from machine.command import Gaiectl, Said

pytestmark = pytest.mark.long

Run = Callable[..., Said]

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer, weight: 1}]}]
"""


@pytest.fixture(scope="module")
def run(machine: Cluster) -> Run:
    return Gaiectl(machine, COLUMNS="200").ended


@pytest.fixture(scope="module")
def stack(run: Run, pod_namespace: str, stack_images: Any) -> Iterator[str]:
    """A stack "llm" that serves; returns its namespace."""
    del stack_images
    options = ("--model-server", "builtin", "--include-crds", "-n", pod_namespace, "-y")
    done = run("install", "standalone", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    yield pod_namespace
    run("cleanup", "llm", "-n", pod_namespace, "-y")


def checked(run: Run, namespace: str) -> dict[str, dict[str, Any]]:
    options = ("--model-server", "builtin", "--post", "-o", "json")
    done = run("check", "standalone", "llm", "-n", namespace, *options)
    report = json.loads(done.stdout)
    assert report["stage"] == "post"
    assert done.returncode == (0 if report["success"] else 1)
    return {one["id"]: one for one in report["checks"]}


def test_a_stack_that_serves_passes_every_check(run: Run, stack: str) -> None:
    checks = checked(run, stack)

    assert {one["id"] for one in checks.values() if one["result"] in ("failed", "warning")} == set()
    for id_, seen in (
        ("POL001", "3 of 3 pods ready"),
        ("EPP005", "as in its ConfigMap: llm-epp-"),
        ("EPP006", "SERVING, 3 endpoints"),
        ("DAT001", "3 pods serve"),
        ("DAT004", "llm-model-"),
    ):
        assert checks[id_]["result"] == "passed", checks[id_]
        assert seen in checks[id_]["evidence"]


def test_what_is_broken_in_a_stack_is_told_by_its_check(
    run: Run, stack: str, machine: Cluster
) -> None:
    patch = ("patch", "-n", stack, "--type", "merge", "-p")
    machine.do(
        *patch, json.dumps({"data": {"default-plugins.yaml": CONFIG}}), "configmap", "llm-epp"
    )
    machine.do(*patch, '{"spec": {"targetPorts": [{"number": 8001}]}}', "inferencepool", "llm")
    machine.do(*patch, '{"spec": {"selector": {"inferencepool": "nobody"}}}', "service", "llm-epp")
    machine.do("delete", "rolebinding", "llm-epp-sa", "-n", stack)
    slices = ("endpointslice", "-l", "kubernetes.io/service-name=llm-epp", "-n", stack)
    deadline = time.monotonic() + 120
    while machine.do("get", *slices, "-o", "jsonpath={.items[*].endpoints[*].addresses}"):
        assert time.monotonic() < deadline, "the Service still leads to pods"
        time.sleep(0.2)
    checks = checked(run, stack)

    for id_, error in (
        ("POL002", "sends to port 8001; pod llm-model-"),
        ("POL003", "no ready pod stands behind Service"),
        ("POL004", "llm-epp may not list pods in namespace"),
        ("EPP005", "default-plugins.yaml is not what would be rendered now"),
        ("CLN002", "llm-epp-sa is not there"),
    ):
        assert checks[id_]["result"] in ("failed", "warning"), checks[id_]
        assert error in (checks[id_]["error"] or "")
        assert checks[id_]["hint"]
