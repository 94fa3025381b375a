"""What keeps a pod from running, as the kubelet and the scheduler of Kubernetes 1.34 say it."""

from math import inf
from typing import Any

import pytest

from gaiectl.cluster.nodes import why_unready
from gaiectl.cluster.room import room
from gaiectl.cluster.troubles import trouble_of, why_not_ready

IMAGE = "ghcr.io/nobody/nothing:1"


def pod(
    waiting: tuple[str, str] | None = None, *, last: dict[str, Any] | None = None, restarts: int = 0
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "restartCount": restarts, "state": {}}
    if waiting:
        container["state"] = {"waiting": {"reason": waiting[0], "message": waiting[1]}}
    if last:
        container["lastState"] = {"terminated": last}
    return {
        "metadata": {"name": "one", "namespace": "ns"},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "resources": {"requests": {"nvidia.com/gpu": "8"}},
                }
            ],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "weights"}}],
        },
        "status": {"phase": "Pending", "containerStatuses": [container]},
    }


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    found = pod()
    found["status"] = {"phase": "Pending", "conditions": [condition | {"message": message}]}
    return found


def event(reason: str, message: str, count: int = 1) -> dict[str, Any]:
    return {"reason": reason, "message": message, "count": count}


NO_GPU = (
    "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. no new claims to deallocate, "
    "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
)


def test_what_fits_on_no_node_says_how_much_it_asks_for() -> None:
    trouble = trouble_of(unscheduled(NO_GPU), [])
    assert trouble is not None
    assert trouble.message == (
        "fits on no node: it asks for 8 nvidia.com/gpu; 0/3 nodes are available: "
        "3 Insufficient nvidia.com/gpu"
    )
    assert trouble.lacking == ("nvidia.com/gpu",)
    assert 0 < trouble.patience < 60


def test_a_node_that_is_on_its_way_is_waited_for() -> None:
    trouble = trouble_of(unscheduled(NO_GPU), [event("TriggeredScaleUp", "pod triggered scale-up")])
    assert trouble is not None
    assert trouble.patience == inf


def test_a_volume_that_is_not_bound_is_named() -> None:
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    trouble = trouble_of(unscheduled(message), [])
    assert trouble is not None
    assert trouble.message == "waits for its volumes: weights"


def test_an_image_is_given_up_after_two_tries() -> None:
    told = f'Failed to pull image "{IMAGE}": failed to resolve: dial tcp: no such host'
    waits = pod(("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'))
    first, second = (trouble_of(waits, [event("Failed", told, count)]) for count in (1, 2))
    assert first is not None
    assert second is not None
    assert IMAGE in second.message
    assert second.message.endswith("no such host")
    assert first.patience > second.patience == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(("InvalidImageName", "couldn't parse image name")), "cannot use image"),
        (pod(("RunContainerError", 'exec: "/none": no such file')), "does not start"),
        (
            pod(("CrashLoopBackOff", ""), last={"exitCode": 2, "reason": "Error"}, restarts=3),
            "ended with exit code 2, restarted 3 times",
        ),
    ],
)
def test_what_can_never_run_is_given_up_at_once(found: dict[str, Any], said: str) -> None:
    trouble = trouble_of(found, [])
    assert trouble is not None
    assert said in trouble.message
    assert trouble.patience == 0


def test_one_crash_is_forgiven() -> None:
    trouble = trouble_of(pod(last={"exitCode": 137, "reason": "OOMKilled"}, restarts=1), [])
    assert trouble is not None
    assert "OOMKilled" in trouble.message
    assert "memory" in trouble.hint
    assert (trouble.patience, trouble.container) == (inf, "main")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('secret "hf-token" not found', "lacks Secret hf-token"),
        ("couldn't find key token in Secret ns/hf-token", "lacks key token of Secret hf-token"),
        ("couldn't find key a in ConfigMap ns/own", "lacks key a of ConfigMap own"),
    ],
)
def test_a_secret_that_is_missing_is_named_with_its_key(message: str, said: str) -> None:
    trouble = trouble_of(pod(("CreateContainerConfigError", message)), [])
    assert trouble is not None
    assert said in trouble.message
    assert "namespace ns" in trouble.hint


def test_a_volume_that_cannot_be_mounted_is_named() -> None:
    told = 'MountVolume.SetUp failed for volume "v" : configmap "plugins" not found'
    trouble = trouble_of(pod(("ContainerCreating", "")), [event("FailedMount", told, 3)])
    assert trouble is not None
    assert "ConfigMap plugins" in trouble.message
    assert trouble.patience < inf


def test_a_pod_that_only_starts_has_no_trouble() -> None:
    assert trouble_of(pod(("ContainerCreating", "")), []) is None


def test_the_node_with_most_room_is_named_with_what_is_left() -> None:
    nodes = [
        {"metadata": {"name": name}, "status": {"allocatable": {"cpu": cpu, "memory": "8Gi"}}}
        for name, cpu in (("small", "2"), ("large", "16"))
    ]
    resources = {"requests": {"cpu": "15500m", "memory": "1Gi"}}
    busy = {"spec": {"nodeName": "large", "containers": [{"resources": resources}]}}
    ended = {"spec": {"nodeName": "small", "containers": [{"resources": resources}]}} | {
        "status": {"phase": "Succeeded"}
    }
    assert room(nodes, [busy, ended], "cpu") == "node small has most cpu left: 2 of 2"
    assert room(nodes, [busy], "memory") == "node small has most memory left: 8.0Gi of 8.0Gi"
    assert room(nodes, [], "nvidia.com/gpu") == "no node has any nvidia.com/gpu"


def test_of_a_node_that_is_cordoned_the_hint_lets_pods_onto_it_again() -> None:
    trouble = trouble_of(unscheduled("0/1 nodes are available: 1 node(s) were unschedulable."), [])
    assert trouble is not None
    assert "kubectl uncordon" in trouble.hint


def test_a_pod_without_room_may_be_that_of_an_update_beside_an_old_one() -> None:
    trouble = trouble_of(unscheduled("0/1 nodes are available: 1 Insufficient cpu."), [])
    assert trouble is not None
    assert "strategy.type=Recreate" in trouble.hint


@pytest.mark.parametrize(
    ("taint", "hint", "patience"),
    [
        ("{dedicated: gpu}", "tolerate dedicated", 15.0),
        ("{node.kubernetes.io/unschedulable: }", "kubectl uncordon", 15.0),
        ("{node.kubernetes.io/not-ready: }", "kubectl describe node", inf),
        ("{node.kubernetes.io/memory-pressure: }", "kubectl describe node", inf),
    ],
)
def test_taints_are_tolerated_or_waited_for(taint: str, hint: str, patience: float) -> None:
    told = f"0/1 nodes are available: 1 node(s) had untolerated taint {taint}. preemption: none."
    trouble = trouble_of(unscheduled(told), [])
    assert trouble is not None
    assert taint in trouble.message
    assert hint in trouble.hint
    assert trouble.patience == patience


def test_what_keeps_a_pod_from_being_ready_is_told_in_a_line() -> None:
    runs, ended, going, evicted = pod(), pod(), pod(), pod()
    runs["status"]["containerStatuses"][0]["state"] = {"running": {}}
    ready = {"type": "Ready", "status": "False", "message": "containers with unready status"}
    runs["status"] |= {"phase": "Running", "conditions": [ready]}
    ended["status"]["containerStatuses"][0]["state"] = {"terminated": {"reason": "OOMKilled"}}
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    message = "The node was low on resource: memory."
    evicted["status"] = {"phase": "Failed", "reason": "Evicted", "message": message}
    evicted["spec"]["nodeName"] = "n1"

    assert why_not_ready(pod(("InvalidImageName", ""))).startswith(f"cannot use image {IMAGE}")
    assert why_not_ready(runs) == "containers with unready status"
    assert why_not_ready(runs, [event("Unhealthy", "probe failed: 503")]) == "probe failed: 503"
    assert why_not_ready(ended) == "container main: OOMKilled"
    assert why_not_ready(going) == "it is being deleted"
    assert why_not_ready(evicted) == f"was evicted from node n1: {message}"
    assert why_not_ready({"metadata": {}, "status": {"phase": "Pending"}}) == "its phase is Pending"


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([{"type": "Ready", "status": "True"}], ""),
        ([], "is not ready"),
        (
            [
                {
                    "type": "Ready",
                    "status": "Unknown",
                    "reason": "NodeStatusUnknown",
                    "message": "Kubelet stopped posting node status.",
                }
            ],
            "is not ready (NodeStatusUnknown: Kubelet stopped posting node status)",
        ),
        (
            [
                {"type": "Ready", "status": "True"},
                {"type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure"},
            ],
            "is under DiskPressure (kubelet has disk pressure)",
        ),
    ],
)
def test_a_node_says_why_it_runs_no_pods(conditions: list[dict[str, str]], said: str) -> None:
    assert why_unready({"metadata": {"name": "n1"}, "status": {"conditions": conditions}}) == said
