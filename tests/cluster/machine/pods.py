"""Pods as documents, such as the Pod Security Standard "restricted" admits them."""

from collections.abc import Sequence
from typing import Any

from gaiectl.documents import Document


def pod(name: str, image: str, arguments: Sequence[str], **container: Any) -> Document:
    """Return a Pod of one container, labelled ``app: name``; further fields are the container's."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "args": list(arguments),
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    **container,
                }
            ],
        },
    }


def service(name: str, port: int, target: int) -> Document:
    """Return a Service in front of the pods labelled ``app: name``."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]},
    }
