"""What is said of an Endpoint Picker, from what the cluster and itself tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaiectl.checks.cluster import pickers
from gaiectl.checks.cluster.check import Stage
from gaiectl.checks.cluster.report import Result
from gaiectl.checks.cluster.run import make
from gaiectl.checks.cluster.scene import Scene
from gaiectl.documents import Document

CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: prefix-cache-scorer, name: prefix}]
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: prefix}]}
"""


def deployment(*flags: str, replicas: int = 1) -> Document:
    labels = {"app": "epp"}
    container = {"name": "epp", "image": "epp:1", "args": ["--pool-name=llm", *flags]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm-epp", "namespace": "ns"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def pod(name: str, *, is_ready: bool = True, **container: Any) -> Document:
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": {"app": "epp"}},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(is_ready)}],
            "containerStatuses": [{"name": "epp", "restartCount": 0, **container}],
        },
    }


def checked(
    id_: str,
    owner: Document,
    *pods: Document,
    leases: list[Document] | None = None,
    state: Any = None,
) -> Result:
    """Make a check of what is known already, so that nothing is asked."""
    scene = Scene(
        None,  # type: ignore[arg-type] # nothing is asked
        Stage.POST,
        name="llm",
        namespace="ns",
        documents=[owner],
    )
    for key, known in (
        (("", "Pod", "ns"), list(pods)),
        (("", "Event", "ns"), []),
        (("coordination.k8s.io", "Lease", "ns"), leases or []),
        (("state", "ns", "a"), state),
        (("state", "ns", "b"), None),
    ):
        scene.once(key, lambda known=known: known)  # type: ignore[misc] # bound at once
    return make(next(one for one in pickers.CHECKS if one.id == id_), scene)


LEADS = "--ha-enable-leader-election=true"


def lease(holder: str, age: float) -> Document:
    renewed = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "metadata": {"name": "epp-ns-llm.gateway-api-inference-extension.sigs.k8s.io"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


@pytest.mark.parametrize(
    ("holders", "age", "outcome", "said"),
    [
        (["a_1234"], 1, "passed", "a leads"),
        ([], 1, "failed", "nobody leads"),
        ([""], 1, "failed", "held by nobody"),
        (["stranger"], 1, "failed", "held by stranger, which is no pod of the stack"),
        (["a_1234"], 900, "failed", "a_1234 leads, but has not renewed its Lease for 90"),
    ],
)
def test_the_leader_is_a_pod_of_the_stack_that_renews_its_lease(
    holders: list[str], age: float, outcome: str, said: str
) -> None:
    leases = [lease(holder, age) for holder in holders]
    result = checked("EPP004", deployment(LEADS, replicas=2), pod("a"), pod("b"), leases=leases)
    assert (result.outcome, said in result.seen) == (outcome, True), result.seen


def test_of_pods_that_elect_a_leader_one_is_ready() -> None:
    waiting = pod("b", is_ready=False)
    assert checked("EPP002", deployment(LEADS, replicas=2), pod("a"), waiting).outcome == "passed"
    result = checked("EPP002", deployment(replicas=2), pod("a"), waiting)
    assert result.outcome == "failed"
    assert "1 of 2 pods ready" in result.seen
    assert "is scaled to no pod" in checked("EPP002", deployment(replicas=0)).seen


@pytest.mark.parametrize("owner", [deployment(), deployment(LEADS, replicas=2)])
def test_a_pod_that_cannot_start_is_told_though_another_one_serves(owner: Document) -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    stuck = pod("b", is_ready=False, state=state)
    result = checked("EPP002", owner, pod("a"), stuck)
    assert result.outcome == "warning"
    assert "b: cannot pull image" in result.seen
    stuck["status"]["phase"] = "Failed"  # an evicted one that stays listed
    assert checked("EPP002", owner, pod("a"), pod("c"), stuck).outcome == "passed"


def test_an_endpoint_picker_whose_pods_are_refused_is_told_why() -> None:
    owner = deployment()
    told = 'pods "x" is forbidden: exceeded quota: full'
    condition = {"type": "ReplicaFailure", "status": "True", "message": told}
    owner["status"] = {"conditions": [condition]}
    result = checked("EPP002", owner)
    assert (result.outcome, told in result.seen) == ("failed", True), result.seen
    assert "ask for a larger quota" in result.hint


def test_an_endpoint_picker_that_is_not_ready_is_asked_what_it_waits_for() -> None:
    state = {"ready": False, "unmet": ["pool synced"]}
    result = checked("EPP002", deployment(), pod("a", is_ready=False), state=state)
    assert "a: it waits for pool synced" in result.seen


def test_a_pod_that_crashes_again_and_again_is_told_with_its_end() -> None:
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    result = checked("EPP003", deployment(), pod("a", restartCount=4, lastState=ended))
    assert result.outcome == "warning"
    assert "restarted 4 times, the last time after OOMKilled, exit code 137" in result.seen


def runs(*plugins: tuple[str, str], weight: float = 2.0) -> Any:
    return {
        "config": {
            "plugins": [{"name": name, "type": kind} for name, kind in plugins],
            "schedulingProfiles": [
                {"name": "default", "scorers": [{"name": "queue-scorer", "weight": weight}]}
            ],
        }
    }


QUEUE, PREFIX = ("queue-scorer", "queue-scorer"), ("prefix", "prefix-cache-scorer")


@pytest.mark.parametrize(
    ("state", "outcome", "said"),
    [
        (runs(QUEUE, PREFIX, ("picker", "max-score-picker")), "passed", ": a"),
        (runs(QUEUE), "failed", "no such plugin as prefix"),
        (runs(QUEUE, ("prefix", "queue-scorer")), "failed", "queue-scorer as prefix"),
        (runs(QUEUE, PREFIX, weight=1), "failed", "weight of queue-scorer is 1, not 2"),
    ],
)
def test_a_configuration_that_is_not_the_written_one_is_told(
    state: Any, outcome: str, said: str
) -> None:
    owner = deployment(f"--config-text={CONFIG}")
    result = checked("EPP005", owner, pod("a"), state=state)
    assert (result.outcome, said in result.seen) == (outcome, True), result.seen


def test_a_loud_log_is_a_warning() -> None:
    assert checked("EPP008", deployment("--v=1")).outcome == "passed"
    assert checked("EPP008", deployment("--v=5")).outcome == "warning"
