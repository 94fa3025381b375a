"""Envoy Gateway with Envoy AI Gateway beside it, which teaches it to route to an InferencePool.

AI Gateway reads only pools of ``inference.networking.k8s.io/v1``, and itself makes the cluster and
the ext-proc filter of a pool: no Backend and no patch is needed.
"""

import json

from gaiectl import prereqs
from gaiectl.documents import Document
from gaiectl.plan import Requirement
from gaiectl.providers.gateway import gateway_of
from gaiectl.providers.provider import Provider, Target

VERSION = prereqs.ENVOY_GATEWAY.version
AI_GATEWAY_VERSION = prereqs.ENVOY_AI_GATEWAY.version
(_CLASS,) = prereqs.ENVOY_AI_GATEWAY.objects
GATEWAY_CLASS = _CLASS["metadata"]["name"]

_GATEWAY = gateway_of(GATEWAY_CLASS)
_API = "gateway.envoyproxy.io/v1alpha1"


def _objects(target: Target) -> tuple[Document, ...]:
    (gateway,) = _GATEWAY(target._replace(service=""))
    if not target.service:
        return (gateway,)
    group = _API.partition("/")[0]
    proxy: Document = {
        "apiVersion": _API,
        "kind": "EnvoyProxy",
        "metadata": {key: gateway["metadata"][key] for key in ("name", "namespace", "labels")},
        "spec": {
            "mergeType": "StrategicMerge",  # what the cluster's operator has set otherwise stays
            "provider": {
                "type": "Kubernetes",
                "kubernetes": {"envoyService": {"type": target.service}},
            },
        },
    }
    spec = {
        **gateway["spec"],
        "infrastructure": {
            "parametersRef": {"group": group, "kind": proxy["kind"], "name": target.gateway}
        },
    }
    return (proxy, {**gateway, "spec": spec})


PROVIDER = Provider(
    name="envoy-gateway",
    summary=f"Envoy Gateway {VERSION} with Envoy AI Gateway {AI_GATEWAY_VERSION}",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        prereqs.ENVOY_GATEWAY.requirement,
        prereqs.ENVOY_AI_GATEWAY.requirement,
        Requirement(
            what=f"Envoy Gateway runs the Gateways of class {GATEWAY_CLASS}",
            commands=(f"echo '{json.dumps(_CLASS)}' | kubectl apply --server-side -f -",),
        ),
    ),
    objects=_objects,
)
