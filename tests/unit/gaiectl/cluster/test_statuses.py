"""Whether an object is what was asked for, as kstatus says it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.cluster.statuses import State, status_of

TRUE = {"status": "True", "observedGeneration": 2}
DEPLOYMENT = ("apps/v1", "Deployment")
GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
ROUTE = ("gateway.networking.k8s.io/v1", "HTTPRoute")
ENVOY_GATEWAY = "gateway.envoyproxy.io/v1alpha1"
GROUPS = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
POOL = ("inference.networking.k8s.io/v1", "InferencePool")


def made(
    kind: tuple[str, str], status: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "ns", "generation": 2}
    found = {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec}
    return found if status is None else found | {"status": status}


def conditions(**states: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": name, **state} for name, state in states.items()]


def replicas(count: int, **others: Any) -> dict[str, Any]:
    names = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
    return {"observedGeneration": 2} | dict.fromkeys(names, count) | others


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (made(DEPLOYMENT), "no controller has seen it yet"),
        (made(DEPLOYMENT, replicas(1, observedGeneration=1)), "has seen the change"),
        (made(DEPLOYMENT, replicas(2, availableReplicas=1), replicas=2), "1 of 2 pods are avail"),
        (made(DEPLOYMENT, replicas(2, updatedReplicas=1), replicas=2), "1 of 2 pods are of the"),
        (made(DEPLOYMENT, replicas(1, replicas=3)), "2 old pods are still there"),
        (made(("apps/v1", "StatefulSet"), replicas(1), replicas=2), "1 of 2 pods are ready"),
        (made(GROUPS, {}, replicas=2), "no controller has seen it yet"),
        (
            made(GROUPS, replicas(1, conditions=conditions(Progressing=TRUE)), replicas=2),
            "1 of 2 groups are of the new revision",
        ),
        (
            made(
                GROUPS,
                replicas(2, readyReplicas=1, conditions=conditions(Progressing=TRUE)),
                replicas=2,
            ),
            "1 of 2 groups are ready",
        ),
        (made(("v1", "PersistentVolumeClaim"), {}, storageClassName="fast"), "of class fast"),
        (made(("v1", "Service"), {}, type="LoadBalancer"), "no address"),
        (made(("apiextensions.k8s.io/v1", "CustomResourceDefinition")), "not established"),
        (made(GATEWAY), "whether it is accepted"),
        (made(GATEWAY, {"conditions": conditions(Accepted=TRUE, Programmed=TRUE)}), "no address"),
        (made(POOL), "no controller has answered"),
        (made(ROUTE, parentRefs=[{"name": "gate"}]), "Gateway gate: no controller has answered"),
        (
            made(("batch/v1", "Unheard"), {"conditions": conditions(Ready={"status": "False"})}),
            "",
        ),
    ],
)
def test_what_is_not_there_yet_says_why(document: dict[str, Any], reason: str) -> None:
    status = status_of(document)
    assert status.state is State.IN_PROGRESS
    assert reason in status.reason


@pytest.mark.parametrize(
    "document",
    [
        made(DEPLOYMENT, replicas(3), replicas=3),
        made(DEPLOYMENT, replicas(0), replicas=0),
        made(("apps/v1", "StatefulSet"), replicas(2), replicas=2),
        made(GROUPS, replicas(2, conditions=conditions(Available=TRUE)), replicas=2),
        made(("v1", "Service"), {}, type="ClusterIP"),
        made(("v1", "ConfigMap")),
        made(("v1", "PersistentVolumeClaim"), {"phase": "Bound"}),
        made(
            GATEWAY,
            {
                "conditions": conditions(Accepted=TRUE, Programmed=TRUE),
                "addresses": [{"value": "10.0.0.1"}],
            },
        ),
    ],
)
def test_what_is_as_wanted_is_current(document: dict[str, Any]) -> None:
    assert status_of(document) == (State.CURRENT, "")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"Progressing": ("False", "ProgressDeadlineExceeded", "timed out")}, "timed out"),
        ({"ReplicaFailure": ("True", "FailedCreate", "exceeded quota: q")}, "exceeded quota: q"),
    ],
)
def test_a_rollout_that_failed_says_so(found: dict[str, tuple[str, str, str]], reason: str) -> None:
    listed = {
        name: dict(zip(("status", "reason", "message"), texts, strict=True))
        for name, texts in found.items()
    }
    status = status_of(
        made(DEPLOYMENT, replicas(1, availableReplicas=0, conditions=conditions(**listed)))
    )
    assert status.state is State.FAILED
    assert reason in status.reason


def test_of_pickers_that_elect_a_leader_only_one_is_ready() -> None:
    template = {"spec": {"containers": [{"args": ["--ha-enable-leader-election=true"]}]}}
    one_ready = replicas(3, availableReplicas=1)
    document = made(DEPLOYMENT, one_ready, replicas=3, template=template)
    assert status_of(document).state is State.CURRENT
    template["spec"]["containers"][0]["args"] = ["--ha-enable-leader-election=false"]
    assert status_of(document).state is State.IN_PROGRESS


def test_what_another_gateway_says_of_a_route_is_not_heard() -> None:
    good = {"conditions": conditions(Accepted=TRUE, ResolvedRefs=TRUE)}
    bad = {"conditions": conditions(Accepted={"status": "False", "reason": "NotAllowed"})}
    other, ours = {"parentRef": {"name": "other"}}, {"parentRef": {"name": "gate"}}
    refs = [{"name": "gate"}]
    accepted = made(ROUTE, {"parents": [other | bad, ours | good]}, parentRefs=refs)
    refused = made(ROUTE, {"parents": [other | good, ours | bad]}, parentRefs=refs)

    assert status_of(accepted).state is State.CURRENT
    assert "NotAllowed" in status_of(refused).reason


@pytest.mark.parametrize(
    "kind", ["EnvoyExtensionPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy"]
)
def test_a_policy_is_done_when_a_gateway_has_accepted_it(kind: str) -> None:
    policy = (ENVOY_GATEWAY, kind)
    good = {"conditions": conditions(Accepted=TRUE)}
    assert status_of(made(policy)).reason == "no controller has answered for it yet"
    assert status_of(made(policy, {"ancestors": [good]})).state is State.CURRENT


def test_a_patch_that_fits_nothing_is_named() -> None:  # P23
    patches = (ENVOY_GATEWAY, "EnvoyPatchPolicy")
    told = {
        "status": "False",
        "reason": "Invalid",
        "message": "Unable to apply patch: op=replace path=/virtual_hosts/1",
        "observedGeneration": 2,
    }
    unfit = status_of(
        made(patches, {"ancestors": [{"conditions": conditions(Accepted=TRUE, Programmed=told)}]})
    )
    assert unfit.state is State.IN_PROGRESS
    assert unfit.reason.startswith(
        "it is not programmed: Invalid: Unable to apply patch: op=replace"
    )
    fit = {"conditions": conditions(Accepted=TRUE, Programmed=TRUE)}
    assert status_of(made(patches, {"ancestors": [fit]})).state is State.CURRENT


def test_an_answer_to_an_older_route_does_not_count() -> None:
    old = dict.fromkeys(("Accepted", "ResolvedRefs"), TRUE | {"observedGeneration": 1})
    status = {"parents": [{"parentRef": {"name": "gate"}, "conditions": conditions(**old)}]}
    found = status_of(made(ROUTE, status, parentRefs=[{"name": "gate"}]))
    assert "has seen the change" in found.reason


def test_what_is_being_deleted_says_what_holds_it() -> None:
    document = made(("v1", "ConfigMap"))
    document["metadata"] |= {"deletionTimestamp": "now", "finalizers": ["example.com/hold"]}
    status = status_of(document)
    assert status.state is State.TERMINATING
    assert "example.com/hold" in status.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    kind=st.sampled_from((DEPLOYMENT, GATEWAY, ROUTE, POOL, ("v1", "Service"))),
    status=st.dictionaries(
        st.sampled_from(("conditions", "parents", "replicas", "observedGeneration", "listeners")),
        JSON,
    ),
    spec=st.dictionaries(st.sampled_from(("replicas", "parentRefs", "template")), JSON),
)
def test_whatever_a_controller_writes_is_understood_somehow(
    kind: tuple[str, str], status: dict[str, Any], spec: dict[str, Any]
) -> None:
    assert status_of(made(kind, status, **spec)).state in State
