"""Envoy Gateway with Envoy AI Gateway beside it, which teaches it to route to an InferencePool.

AI Gateway reads only pools of ``inference.networking.k8s.io/v1``, and itself makes the cluster and
the ext-proc filter of a pool: no Backend and no patch is needed.
"""

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


def _objects(target: Target) -> tuple[Document, ...]:
    # The charts bring no class. It is one for the whole cluster and says nothing of a stack, so
    # that every stack renders the same object.
    gateway_class: Document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {
            "name": GATEWAY_CLASS,
            "labels": {"app.kubernetes.io/name": GATEWAY_CLASS},
        },
        "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
    }
    return (gateway_class, *_GATEWAY(target))


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
    ),
    objects=_objects,
)
