"""What is said of the pods that a pool selects."""

from typing import Any

from gaiectl.checks.cluster import pools
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document

LABELS = {"app": "vllm"}
POOL: Document = {
    "apiVersion": "inference.networking.k8s.io/v1",
    "kind": "InferencePool",
    "metadata": {"name": "llm", "namespace": "ns"},
    "spec": {"selector": {"matchLabels": LABELS}, "targetPorts": [{"number": 8000}]},
}


def pod(name: str, **status: Any) -> Document:
    metadata = {"name": name, "namespace": "ns", "uid": name, "labels": LABELS}
    return {"metadata": metadata, "status": status}


def ready(name: str) -> Document:
    return pod(name, phase="Running", conditions=[{"type": "Ready", "status": "True"}])


def selected(pods: list[Document], *deployments: Document) -> Result:
    """Make the check of what is known already, so that nothing is asked."""
    nobody: Any = None
    scene = Scene(nobody, Stage.POST, name="llm", namespace="ns", documents=[POOL])
    for (group, kind, place), known in {
        ("", "Pod", "ns"): pods,
        ("", "Pod", ""): pods,
        ("", "Event", "ns"): [],
        ("apps", "Deployment", "ns"): list(deployments),
    }.items():
        scene.once((group, kind, place), lambda known=known: known)  # type: ignore[misc] # bound at once
    return make(next(one for one in pools.CHECKS if one.id == "POL001"), scene)


def deployment(**status: Any) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "vllm", "namespace": "ns"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": LABELS}}},
        "status": status,
    }


def test_an_update_that_comes_no_further_is_told_though_the_pods_before_it_serve() -> None:
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    stuck = pod("c", phase="Pending", containerStatuses=[{"name": "v", "state": {}}])
    assert selected([ready("a"), ready("b"), stuck]).outcome == "passed"  # it starts
    stuck["status"]["containerStatuses"][0]["state"]["waiting"] = waiting
    result = selected([ready("a"), ready("b"), stuck])
    assert (result.outcome, "2 of 3 pods ready" in result.seen) == ("warning", True)
    assert "pod c: cannot pull image" in result.seen


def test_that_pods_are_refused_is_told_where_a_selector_finds_none() -> None:
    told = "pods is forbidden: exceeded quota: full"
    failed = {"type": "ReplicaFailure", "status": "True", "message": told}
    result = selected([], deployment(conditions=[failed]))
    assert (result.outcome, told in result.seen) == ("failed", True)
    assert "ask for a larger quota" in result.hint
    assert "correct the selector" in selected([], deployment()).hint
