"""Which pods a check may kill: those of a stack's own model servers, and no others."""

from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.checks.check import Skipped
from gaiectl.checks.deployed.model_pods import ModelPods
from gaiectl.checks.session import Session
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document, Identity
from gaiectl.validation.stream import Stream

POOL = {
    "apiVersion": "inference.networking.k8s.io/v1",
    "kind": "InferencePool",
    "metadata": {"name": "llm", "namespace": "models", "uid": "pool"},
    "spec": {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": 8000}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "vllm", "namespace": "models", "uid": "ours"},
}
PODS = Resource("", "v1", "Pod", "pods", is_namespaced=True)


def owned(kind: str, name: str, owner: tuple[str, str] | None) -> Document:
    metadata: Document = {"name": name, "namespace": "models", "uid": f"uid of {name}"}
    metadata["labels"] = {"app": "vllm"}
    if owner:
        reference = {"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1]}
        uid = "ours" if owner[1] == "vllm" else f"uid of {owner[1]}"
        metadata["ownerReferences"] = [{**reference, "uid": uid, "controller": True}]
    ready = [{"type": "Ready", "status": "True"}]
    return {"kind": kind, "metadata": metadata, "status": {"conditions": ready, "phase": "Running"}}


class PaperCluster:
    """Pods that are made again as often as they are deleted, by the set that owns them."""

    def __init__(self, *pods: Document) -> None:
        self.pods = list(pods)
        self.deleted: list[str] = []
        self.refusal: ApiError | None = None
        self.kinds = SimpleNamespace(need=lambda *_: PODS)
        self.sets = [
            owned("ReplicaSet", "vllm-1", ("Deployment", "vllm")),
            owned("ReplicaSet", "other-1", ("Deployment", "other")),
        ]

    def get(self, who: Identity) -> Document | None:
        named = (one for one in self.sets if one["metadata"]["name"] == who.name)
        return next(named, None)

    def list(self, *_: object, selector: str) -> list[Document]:
        assert selector == "app=vllm"
        return list(self.pods)

    def ask(self, method: str, place: str, _query: object, options: Any) -> None:
        assert method == "DELETE"
        if self.refusal:
            raise self.refusal
        name = place.rpartition("/")[2]
        self.deleted.append(name)
        (gone,) = (one for one in self.pods if one["metadata"]["name"] == name)
        assert options["preconditions"] == {"uid": gone["metadata"]["uid"]}
        self.pods.remove(gone)
        self.pods.append(owned("Pod", f"{name}x", ("ReplicaSet", "vllm-1")))


def models(cluster: PaperCluster) -> ModelPods:
    documents = [POOL, DEPLOYMENT]
    scene: Any = SimpleNamespace(
        cluster=cluster,
        documents=documents,
        stream=Stream(documents),
        pods=lambda *_: cluster.pods,
    )
    return ModelPods(scene)


def test_pods_of_the_stack_are_killed_as_often_as_they_come_back() -> None:
    cluster = PaperCluster(*(owned("Pod", name, ("ReplicaSet", "vllm-1")) for name in "ab"))
    pods = models(cluster)

    assert pods.foreign == ""
    pods.kill("a")
    pods.hold_down()
    pods.kill("a")
    pods.await_back()
    assert cluster.deleted == ["a", "b", "ax", "bx"]


@pytest.mark.parametrize("owner", [("ReplicaSet", "other-1"), ("StatefulSet", "gone"), None])
def test_pods_of_others_are_left_alone(owner: tuple[str, str] | None) -> None:
    ours, theirs = owned("Pod", "a", ("ReplicaSet", "vllm-1")), owned("Pod", "b", owner)
    cluster = PaperCluster(ours, theirs)
    pods = models(cluster)

    assert pods.foreign.startswith("pod b is of nothing that the stack brought")
    pods.hold_down()
    assert cluster.deleted == ["a"]
    assert models(PaperCluster()).foreign == "there are no model servers"


def test_who_may_delete_no_pods_is_told_which_rule_is_missing() -> None:
    cluster = PaperCluster(owned("Pod", "a", ("ReplicaSet", "vllm-1")))
    cluster.refusal = ApiError("no", hint="", status=403, reason="Forbidden")
    with pytest.raises(Skipped, match=r"may not delete pods.*resources: \[pods\]"):
        models(cluster).kill("a")


def test_why_nothing_may_be_killed_is_the_reason_of_the_checks(target: Any) -> None:
    target.unkillable = "pod b is of somebody else"
    gateway: Any = None
    with pytest.raises(Skipped, match="pod b is of somebody else"):
        Session(target, gateway).killable()
