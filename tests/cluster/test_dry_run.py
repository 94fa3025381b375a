"""The dry run that other tests trust: it says what is wrong, and stores nothing."""

from typing import Any

import pytest

from gaiectl.documents import Document
from machine.cluster import Cluster

SAFE = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def deployment(*, context: dict[str, Any], **pod: Any) -> Document:
    labels = {"app": "it"}
    container = {"name": "it", "image": "localhost/it", "securityContext": context}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "it"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], **pod},
            },
        },
    }


def test_a_safe_deployment_meets_no_objection(
    bare_cluster: Cluster, restricted_namespace: str
) -> None:
    document = deployment(context=SAFE, serviceAccountName="comes-with-it")

    assert bare_cluster.dry_run([document], restricted_namespace) == []


def test_nothing_is_stored(bare_cluster: Cluster, restricted_namespace: str) -> None:
    bare_cluster.dry_run([deployment(context=SAFE)], restricted_namespace)

    assert bare_cluster.do("get", "deployments,pods", "-n", restricted_namespace) == ""


def test_a_pod_that_is_not_admitted_is_warned_of_and_refused(
    bare_cluster: Cluster, restricted_namespace: str
) -> None:
    unsafe = deployment(context={**SAFE, "allowPrivilegeEscalation": True})

    warning, refusal = bare_cluster.dry_run([unsafe], restricted_namespace)

    assert warning.startswith('Warning: would violate PodSecurity "restricted:latest"')
    assert 'pods "deployment-it" is forbidden: violates PodSecurity' in refusal


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"replica": 2}, ".spec.replica: field not declared in schema"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "`selector` does not match"),
    ],
)
def test_a_mistake_is_an_objection(
    bare_cluster: Cluster, restricted_namespace: str, change: dict[str, Any], objection: str
) -> None:
    document = deployment(context=SAFE)
    document["spec"] |= change

    (said,) = bare_cluster.dry_run([document], restricted_namespace)

    assert objection in said


def test_a_kind_that_the_cluster_does_not_know_is_an_objection(
    bare_cluster: Cluster, restricted_namespace: str
) -> None:
    stranger = {"apiVersion": "example.net/v1", "kind": "Stranger", "metadata": {"name": "it"}}

    assert 'no matches for kind "Stranger"' in "\n".join(
        bare_cluster.dry_run([stranger], restricted_namespace)
    )


def test_one_bad_document_does_not_hide_another(
    bare_cluster: Cluster, restricted_namespace: str
) -> None:
    first, second = (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": []}}
        for name in ("first", "second")
    )

    said = "\n".join(bare_cluster.dry_run([first, second], restricted_namespace))

    assert '"first" is invalid' in said
    assert '"second" is invalid' in said
