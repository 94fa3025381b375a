"""Pods by names that kubectl's users know, and why one is not ready."""

from typing import Any

import pytest

from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.pods import Target, find_pod, parse
from gaiectl.cluster.rights import needing
from gaiectl.documents import Document, Identity
from gaiectl.errors import GaieError, UsageError


class Api:
    """An API server with one Deployment, one Service and these pods."""

    def __init__(self, *pods: Document) -> None:
        self.pods = pods
        self.selectors: list[str] = []
        self.kinds = self

    def need(self, group: str, kind: str) -> tuple[str, str]:
        return group, kind

    def get(self, who: Identity) -> Document | None:
        if who.kind == "Pod":
            return next((pod for pod in self.pods if pod["metadata"]["name"] == who.name), None)
        if who.name != "epp":
            return None
        labels = {"app": "epp"}
        expressions = [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ]
        whole = {"matchLabels": labels, "matchExpressions": expressions}
        return {"spec": {"selector": whole if who.kind == "Deployment" else labels}}

    def list(self, resource: Any, namespace: str, *, selector: str) -> tuple[Document, ...]:
        assert (resource, namespace) == (("", "Pod"), "ns")
        self.selectors.append(selector)
        return self.pods


def _pod(name: str, ready: str = "True", **status: Any) -> Document:
    conditions = [{"type": "Ready", "status": ready, "message": "containers with unready status"}]
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "status": {"phase": "Running", "conditions": conditions, **status},
    }


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("pod/a", Target("Pod", "a")),
        ("Deployments/a", Target("Deployment", "a")),
        ("deployment.apps/a", None),
        ("deployments.apps/a", Target("Deployment", "a")),
        ("svc/a", Target("Service", "a")),
        ("sts/a", None),
        ("pod/", None),
        ("pod/a/b", None),
        ("a", None),
    ],
)
def test_a_kind_and_a_name_name_pods(text: str, target: Target | None) -> None:
    if target is None:
        with pytest.raises(UsageError, match="names no pods"):
            parse(text)
    else:
        assert parse(text) == target


def test_the_first_ready_pod_is_taken() -> None:
    ending = _pod("a")
    ending["metadata"]["deletionTimestamp"] = "now"
    api: Any = Api(_pod("c"), _pod("b"), _pod("aa", ready="False"), ending)

    found = find_pod(api, Target("Deployment", "epp"), "ns")
    find_pod(api, Target("Service", "epp"), "ns")

    assert found["metadata"]["name"] == "b"
    assert api.selectors == ["app=epp,tier in (a,b),!old", "app=epp"]


def test_a_pod_that_is_named_needs_only_run() -> None:
    api: Any = Api(_pod("a", ready="False"), _pod("b", phase="Pending"))

    assert find_pod(api, Target("Pod", "a"), "ns")["metadata"]["name"] == "a"
    with pytest.raises(GaieError, match="Pod ns/b does not run"):
        find_pod(api, Target("Pod", "b"), "ns")


@pytest.mark.parametrize(
    ("pods", "target", "message"),
    [
        ((), Target("Deployment", "none"), "there is no Deployment ns/none"),
        ((), Target("Service", "epp"), "Service ns/epp has no pods"),
        (
            (_pod("a", ready="False"),),
            Target("Service", "epp"),
            "no pod of Service ns/epp is ready",
        ),
    ],
)
def test_what_has_no_ready_pod_is_an_error(
    pods: tuple[Document, ...], target: Target, message: str
) -> None:
    api: Any = Api(*pods)

    with pytest.raises(GaieError) as caught:
        find_pod(api, target, "ns")

    assert caught.value.message == message
    assert caught.value.hint


def test_a_refusal_names_the_rule_that_would_allow_it() -> None:
    message = 'pods "a" is forbidden: User "jane" cannot get resource "pods/portforward"'
    refused = ApiError(message, hint="", status=403, reason="Forbidden")

    with (
        pytest.raises(GaieError) as caught,
        needing("pods/portforward", "create", "get", namespace="ns"),
    ):
        raise refused

    assert caught.value.message == "jane may not create and get pods/portforward in namespace ns"
    assert caught.value.hint.endswith(
        '{apiGroups: [""], resources: [pods/portforward], verbs: [create, get]}'
    )
    assert caught.value.detail == message
