"""What is said of objects that were deleted and are still there."""

from typing import Any

import pytest

from gaiectl.operations.finalizers import why_there


def found(kind: str = "ConfigMap", *, is_deleted: bool = True, **metadata: Any) -> dict[str, Any]:
    if is_deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"kind": kind, "metadata": {"name": "one", **metadata}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (found(finalizers=["kubernetes.io/pvc-protection"]), "once no pod uses the claim"),
        (found(finalizers=["cloud.example.com/disk"]), "the controller of cloud.example.com"),
        (found(finalizers=["a.b/c", "foregroundDeletion"]), "a.b/c, removed by"),
        (found("Pod", deletionGracePeriodSeconds=60), "60 s to end"),
        (found(is_deleted=False), "nobody has deleted it yet"),
        (found("Namespace"), "Kubernetes removes what is in it"),
        (found(), "about to remove it"),
    ],
)
def test_who_ends_it_is_said(document: dict[str, Any], said: str) -> None:
    assert said in why_there(document)


def test_a_namespace_says_what_it_still_holds() -> None:
    message = "Some resources are remaining: things.example.com has 1 resource instances"
    conditions = [
        {"type": "NamespaceContentRemaining", "status": "True", "message": message},
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "fine"},
    ]
    assert why_there({**found("Namespace"), "status": {"conditions": conditions}}) == message
