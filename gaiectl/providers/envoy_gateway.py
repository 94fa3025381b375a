"""Envoy Gateway with Envoy AI Gateway beside it, which teaches it to route to an InferencePool.

AI Gateway reads only pools of ``inference.networking.k8s.io/v1``, and itself makes the cluster and
the ext-proc filter of a pool: no Backend and no patch is needed.
"""

import json

from gaiectl.documents import Document
from gaiectl.plan import Requirement
from gaiectl.providers.gateway import chart_install, gateway_of
from gaiectl.providers.provider import Provider, Target

VERSION = "v1.8.1"
AI_GATEWAY_VERSION = "v1.0.0"
NAMESPACE = "envoy-gateway-system"
AI_GATEWAY_NAMESPACE = "envoy-ai-gateway-system"
CHARTS = "oci://docker.io/envoyproxy"
GATEWAY_CLASS = "envoy-ai-gateway"

_VALUES = f"https://raw.githubusercontent.com/envoyproxy/ai-gateway/{AI_GATEWAY_VERSION}"
_GATEWAY = gateway_of(GATEWAY_CLASS)
_API = "gateway.envoyproxy.io/v1alpha1"

# The charts bring no class, and a stack none either: it is one for the whole cluster.
_CLASS: Document = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {"name": GATEWAY_CLASS},
    "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
}


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
        Requirement(
            what=f"Envoy Gateway {VERSION} runs, takes an InferencePool as backend and asks Envoy "
            "AI Gateway",
            commands=(
                chart_install(
                    *("eg", f"{CHARTS}/gateway-helm", NAMESPACE, VERSION),
                    f"-f {_VALUES}/manifests/envoy-gateway-values.yaml",
                    f"-f {_VALUES}/examples/inference-pool/envoy-gateway-values-addon.yaml",
                ),
            ),
        ),
        Requirement(
            what=f"Envoy AI Gateway {AI_GATEWAY_VERSION} runs (on Kubernetes 1.32 or newer)",
            commands=tuple(
                chart_install(
                    release, f"{CHARTS}/{chart}", AI_GATEWAY_NAMESPACE, AI_GATEWAY_VERSION
                )
                for release, chart in (
                    ("aieg-crd", "ai-gateway-crds-helm"),
                    ("aieg", "ai-gateway-helm"),
                )
            ),
        ),
        Requirement(
            what=f"Envoy Gateway runs the Gateways of class {GATEWAY_CLASS}",
            commands=(f"echo '{json.dumps(_CLASS)}' | kubectl apply --server-side -f -",),
        ),
    ),
    objects=_objects,
)
