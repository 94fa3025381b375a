"""What is said while pods are waited for, and when it is clear that they will not come."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, TimedOut
from gaiectl.operations.waiting import Patience, Pending, until_ready

WORKLOAD: Document = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "vllm", "namespace": "models", "uid": "d", "generation": 1},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "vllm"}}},
    "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
}
UNREADY = {"type": "Ready", "status": "False", "message": "containers with unready status: [vllm]"}
POD: Document = {
    "metadata": {
        "name": "vllm-1-a",
        "namespace": "models",
        "uid": "p",
        "ownerReferences": [{"uid": "r"}],
    },
    "spec": {"nodeName": "n1", "containers": [{"name": "vllm"}]},
    "status": {"phase": "Running", "conditions": [UNREADY]},
}
REPLICA_SET: Document = {
    "metadata": {"name": "vllm-1", "uid": "r", "ownerReferences": [{"uid": "d"}]}
}
SILENT = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "NodeStatusUnknown",
    "message": "Kubelet stopped posting node status.",
}


_GROUPS = "leaderworkerset.sigs.k8s.io/"
GROUPS: Document = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "vllm", "namespace": "models", "uid": "l"},
    "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2}},
    "status": {"conditions": [{"type": "Available", "status": "False", "message": "not yet"}]},
}


def of_revision(name: str, revision: str, **rest: Any) -> Document:
    labels = {f"{_GROUPS}name": "vllm", f"{_GROUPS}template-revision-hash": revision}
    return {
        "metadata": {"name": name, "namespace": "models", "uid": name, "labels": labels},
        **rest,
    }


class PaperCluster:
    """Objects as they are; time goes on only when somebody waits."""

    def __init__(self, workload: Document, *pods: Document, node: Document | None = None) -> None:
        self.outages: Any = SimpleNamespace(count=0)
        self.kinds = SimpleNamespace(need=lambda _, kind: kind)
        self.now = 0.0
        self._asked = workload
        self._found = {workload["kind"]: workload, "Node": node}
        self.lists = {"ReplicaSet": [REPLICA_SET] if pods else [], "Pod": pods}
        self.told: dict[str, str] = {}
        self.words = ""

    def get(self, who: Identity) -> Document | None:
        return self._found[who.kind]

    def list(self, kind: str, *_: object, **__: object) -> Iterator[Document]:
        return iter(self.lists[kind])

    def logs(self, *_: object, **__: object) -> str:
        return self.words

    def events(self, _: str, uid: str) -> tuple[Document, ...]:
        told = self.told.get(uid)
        return ({"reason": "FailedCreate", "message": told},) if told else ()

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, seconds: float = 30) -> tuple[GaieError, set[str]]:
        """Wait for the workload; return why that ended, and what was said meanwhile."""
        said: set[str] = set()

        class Hears:
            def waits(self, pending: Sequence[Pending]) -> None:
                said.update(one.reason for one in pending)

        patience = Patience(seconds, clock=lambda: self.now, sleep=self.sleep)
        this: Any = self
        with pytest.raises(GaieError) as caught:
            until_ready(this, [self._asked], patience, Hears())
        return caught.value, said


def node(*conditions: Document) -> Document:
    return {"metadata": {"name": "n1"}, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (
            node(SILENT),
            "is not ready (NodeStatusUnknown: Kubelet stopped posting node status)",
        ),
        (None, "is gone"),
    ],
)
def test_a_pod_on_a_node_that_fails_is_waited_for_and_the_node_is_named(
    there: Document | None, told: str
) -> None:
    error, said = PaperCluster(WORKLOAD, POD, node=there).wait(60)

    assert isinstance(error, TimedOut)
    assert f"pod vllm-1-a is on node n1, which {told}" in error.detail
    assert len(said) == 1


def test_a_pod_on_a_node_that_is_well_says_itself_what_it_lacks() -> None:
    error, _ = PaperCluster(WORKLOAD, POD, node=node({"type": "Ready", "status": "True"})).wait(5)
    assert "pod vllm-1-a: containers with unready status: [vllm]" in error.detail


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('pods "vllm-1-a" is forbidden: exceeded quota: q, requested: pods=1', "describe quota"),
        ('violates PodSecurity "restricted:latest": runAsNonRoot != true', "securityContext"),
        ("maximum cpu usage per Container is 1, but limit is 2", "describe limitrange -n models"),
    ],
)
def test_pods_that_are_refused_are_given_up_with_what_to_do(message: str, hint: str) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": message}
    refused = {**WORKLOAD, "status": {"observedGeneration": 1, "conditions": [failure]}}
    error, _ = PaperCluster(refused).wait()

    assert not isinstance(error, TimedOut)
    assert message in error.message
    assert hint in error.hint


def test_the_time_without_an_api_server_is_no_time_to_mend_anything() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    stuck = {**POD, "spec": {}, "status": {"phase": "Pending", "conditions": [condition]}}
    cluster = PaperCluster(WORKLOAD, stuck)
    sleep = cluster.sleep

    def away_in_the_middle(seconds: float) -> None:
        sleep(seconds)
        if cluster.now > 10 and not cluster.outages.count:
            cluster.outages.count = 1
            cluster.now += 1000

    cluster.sleep = away_in_the_middle  # type: ignore[method-assign] # on this one only
    error, _ = cluster.wait(2000)
    assert "fits on no node" in error.message
    assert cluster.now > 1020


def test_a_controller_that_knows_no_pools_is_not_waited_for() -> None:
    accepted = {"type": "Accepted", "status": "True"}
    resolved = {"type": "ResolvedRefs", "status": "False", "reason": "InvalidKind", "message": "no"}
    parent = {"parentRef": {"name": "gateway"}, "conditions": [accepted, resolved]}
    route: Document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "llm", "namespace": "models", "generation": 1},
        "spec": {"parentRefs": [{"name": "gateway"}]},
        "status": {"parents": [parent]},
    }
    cluster = PaperCluster(route)

    error, _ = cluster.wait(600)

    assert "InvalidKind" in error.message
    assert "gaiectl check --pre" in error.hint
    assert cluster.now < 30


def test_of_a_group_that_serves_together_the_pod_of_the_newest_revision_says_what_it_lacks() -> (
    None
):
    crashed = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "vllm", "state": crashed}]}
    old = of_revision("vllm-0", "a", spec=POD["spec"], status=POD["status"])
    new = of_revision("vllm-0-1", "b", spec=POD["spec"], status=status)
    cluster = PaperCluster(GROUPS, old, new, node=node({"type": "Ready", "status": "True"}))
    cluster.lists["StatefulSet"] = [of_revision("vllm", "b")]
    error, said = cluster.wait(600)

    assert "pod vllm-0-1" in error.message
    assert "no such image" in error.message
    assert not any("pod vllm-0:" in one for one in said)


def test_workers_that_are_refused_are_told_though_their_leader_runs() -> None:
    cluster = PaperCluster(
        GROUPS, of_revision("vllm-0", "b", **{k: POD[k] for k in ("spec", "status")})
    )
    workers = of_revision("vllm-0", "b", spec={"replicas": 1}, status={"replicas": 0})
    workers["metadata"]["uid"] = "workers"
    cluster.lists["StatefulSet"] = [of_revision("vllm", "b"), workers]
    cluster.told["workers"] = "create Pod failed: exceeded quota: q"
    error, _ = cluster.wait(60)

    assert not isinstance(error, TimedOut)
    assert "exceeded quota" in error.message
    assert "describe quota" in error.hint


def test_a_controller_of_groups_that_does_not_answer_is_named() -> None:
    cluster = PaperCluster({**GROUPS, "status": {}})
    cluster.lists["StatefulSet"] = []
    error, _ = cluster.wait(60)

    assert isinstance(error, TimedOut)
    assert "does lws-controller-manager run" in error.detail


def test_a_group_that_is_made_again_and_again_is_given_up_with_what_its_pod_said() -> None:
    ended = {"lastState": {"terminated": {"exitCode": 2}}, "name": "vllm", "restartCount": 1}
    status = {"phase": "Running", "containerStatuses": [ended]}
    pod = of_revision("vllm-0", "b", spec=POD["spec"], status=status)
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = PaperCluster(GROUPS, pod)
    cluster.lists["StatefulSet"] = [of_revision("vllm", "b")]
    cluster.words = "unknown flag"
    sleep = cluster.sleep

    def another_pod(seconds: float) -> None:
        sleep(seconds)
        pod["metadata"]["uid"] += "+"

    cluster.sleep = another_pod  # type: ignore[method-assign] # on this one only
    error, _ = cluster.wait(600)

    assert not isinstance(error, TimedOut)
    assert "pod vllm-0 container vllm ended with exit code 2" in error.message
    assert "made again 3 times" in error.message
    assert "unknown flag" in error.detail
