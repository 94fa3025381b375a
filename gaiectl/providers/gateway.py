"""The Gateway that most providers have, and what every one of them needs first."""

import re
from collections.abc import Callable
from functools import partial

from gaiectl import prereqs
from gaiectl.documents import DNS_LABEL, Document
from gaiectl.errors import GaieError
from gaiectl.providers.provider import Target

GATEWAY_API = prereqs.GATEWAY_API.version
"""Release of the Gateway API that providers are asked for with."""

GATEWAY_API_CRDS = prereqs.GATEWAY_API.requirement

_LONGEST_SERVICE = 63


def gateway_of(
    class_name: str, *, service_suffix: str = "", service_annotation: str = ""
) -> Callable[[Target], tuple[Document, ...]]:
    """Return what makes the Gateway of a target: one listener, HTTP on port 80.

    Its listener takes routes of its own namespace, which is the Gateway API's default.

    Args:
        class_name: its GatewayClass.
        service_suffix: what the controller appends to the Gateway's name for its Service.
        service_annotation: of the Gateway, that tells the controller the type of its Service.

    Raises (the function returned):
        GaieError: the Gateway's name makes no name of a Service, or nothing tells its type.
    """
    longest = _LONGEST_SERVICE - len(service_suffix)
    return partial(_gateway, class_name, longest, service_annotation)


def _gateway(
    class_name: str, longest: int, service_annotation: str, target: Target
) -> tuple[Document, ...]:
    if not re.fullmatch(DNS_LABEL, target.gateway) or len(target.gateway) > longest:
        raise GaieError(
            f"provider.gateway: {target.gateway!r} cannot be the name of a Gateway of class "
            f"{class_name}",
            hint=f"use 1 to {longest} small letters, digits and dashes, with a letter or "
            "digit at both ends",
        )
    if target.service and not service_annotation:
        raise GaieError(
            f"provider.gatewayService: it is not known here how a Gateway of class {class_name} "
            f"gets a Service of type {target.service}",
            hint="leave it out; the provider's own documentation says how its Services are made",
        )
    annotations = {service_annotation: target.service} if target.service else {}
    return (
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {
                "name": target.gateway,
                "namespace": target.namespace,
                "labels": {
                    "app.kubernetes.io/name": target.gateway,
                    "app.kubernetes.io/part-of": target.name,
                },
                **({"annotations": annotations} if annotations else {}),
            },
            "spec": {
                "gatewayClassName": class_name,
                "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
            },
        },
    )
