"""Pods that are ready, but will never serve where requests go."""

from typing import Any

import pytest

from gaiectl.operations.model_loading import still_loading

POOL = {
    "apiVersion": "inference.networking.k8s.io/v1",
    "kind": "InferencePool",
    "metadata": {"name": "llm", "namespace": "ns"},
    "spec": {"selector": {"matchLabels": {"app": "vllm"}}, "targetPorts": [{"number": 8000}]},
}


def pod(*, is_ready: bool, declares: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "vllm-0", "namespace": "ns"},
        "spec": {"containers": [{"name": "vllm", "ports": [{"containerPort": declares}]}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(is_ready)}],
        },
    }


@pytest.mark.parametrize(
    ("documents", "pods"),
    [
        ([POOL], [pod(is_ready=True, declares=8080)]),
        ([POOL], [pod(is_ready=False, declares=8000)]),
        ([], [pod(is_ready=True, declares=8000)]),
    ],
)
def test_nobody_is_waited_for_who_will_not_listen_where_requests_go(
    documents: list[Any], pods: list[Any]
) -> None:
    nobody: Any = None  # is asked

    assert still_loading(nobody, documents, pods) == ""
