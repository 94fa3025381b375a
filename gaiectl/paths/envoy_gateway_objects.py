"""What a stack behind Envoy Gateway has besides its charts: Gateway, route and policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl import crds
from gaiectl.documents import Document
from gaiectl.paths.envoy_gateway_names import DESTINATION_HEADER, EPP_PORT, LISTENER, Names
from gaiectl.paths.envoy_gateway_patches import MOST_PARALLEL, patches
from gaiectl.paths.envoy_gateway_profiles import Profile

GROUP = "gateway.envoyproxy.io"
CONTROLLER = f"{GROUP}/gatewayclass-controller"

_GATEWAY_API = "gateway.networking.k8s.io"
_LONG = "24h"
_SERVICE_PORT = 80
_LONGEST_BODY = "32Mi"
"""As long as those that the EPP takes, unless it is told otherwise."""

_LIMITS = dict.fromkeys(
    ("maxConnections", "maxPendingRequests", "maxParallelRequests"), MOST_PARALLEL
)


def front(names: Names, profile: Profile, gateway: tuple[Document, ...]) -> tuple[Document, ...]:
    """Return what takes requests: class, Gateway and what it needs, Backend, route.

    Args:
        names: of the parts.
        profile: of the stack.
        gateway: a Gateway and what it refers to, of another class.
    """
    return (
        _object(names, f"{_GATEWAY_API}/v1", "GatewayClass", {"controllerName": CONTROLLER}),
        *(_of_class(one, names, profile) for one in gateway),
        _backend(names, profile),
        _route(names, profile),
    )


def policies(names: Names, profile: Profile) -> tuple[Document, ...]:
    """Return what has the EPP asked, and what has its answer obeyed.

    Patches come before what they change: a cluster that gets TLS when Envoy has it already waits
    15 seconds for endpoints, which Envoy Gateway does not send again.
    """
    obeyed = _patch_policy(names, profile) if profile.has_patches else _traffic_policy(names)
    asked = _extension_policy(names, profile)
    return (obeyed, asked) if profile.is_duplex else (_client_policy(names), obeyed, asked)


def service(names: Names, labels: Mapping[str, str], port: int) -> Document:
    """Return the Service of the model servers, whose endpoints Envoy can reach."""
    ports = [{"name": "http", "port": _SERVICE_PORT, "targetPort": port}]
    spec = {"selector": dict(labels), "ports": ports}
    made = _object(names, "v1", "Service", spec)
    return {**made, "metadata": {**made["metadata"], "name": names.servers}}


def rewrites(names: Names, stands_for: Mapping[str, Sequence[str]]) -> tuple[Document, ...]:
    """Return that models stand for others, each of those as often as the next."""
    rules = [
        {
            "matches": [{"model": {"type": "Exact", "value": model}}],
            "targets": [{"modelRewrite": one, "weight": 1} for one in others],
        }
        for model, others in stands_for.items()
    ]
    pool = {"group": crds.GROUP, "kind": "InferencePool", "name": names.name}
    api = f"{crds.EARLY_GROUP}/v1alpha2"
    made = _object(names, api, "InferenceModelRewrite", {"poolRef": pool, "rules": rules})
    return (made,) if rules else ()


def _of_class(document: Document, names: Names, profile: Profile) -> Document:
    if document["kind"] != "Gateway":
        return document
    spec = {**document["spec"], "gatewayClassName": names.gateway_class}
    if profile.has_patches:
        # The first one is where requests are expected; nothing answers on the other.
        spec["listeners"] = [
            {"name": LISTENER, "protocol": "HTTP", "port": 8081},
            {"name": "http", "protocol": "HTTP", "port": 8080},
        ]
    return {**document, "spec": spec}


def _backend(names: Names, profile: Profile) -> Document:
    if profile.has_patches:
        place = {"hostname": "nowhere.invalid", "port": 8080}
        made = _object(names, f"{GROUP}/v1alpha1", "Backend", {"endpoints": [{"fqdn": place}]})
        return {**made, "metadata": {**made["metadata"], "name": names.nowhere}}
    place = {"hostname": names.epp_host, "port": EPP_PORT}
    spec = {"endpoints": [{"fqdn": place}], "tls": {"insecureSkipVerify": True}}
    made = _object(names, f"{GROUP}/v1alpha1", "Backend", spec)
    return {**made, "metadata": {**made["metadata"], "name": names.epp}}


def _route(names: Names, profile: Profile) -> Document:
    parent = {"name": names.gateway}
    backend: dict[str, Any] = {"name": names.servers, "port": _SERVICE_PORT}
    if profile.has_patches:
        parent["sectionName"] = LISTENER
        backend = {"group": GROUP, "kind": "Backend", "name": names.nowhere}
    timeouts = {"request": _LONG, "backendRequest": _LONG}
    spec = {
        "parentRefs": [parent],
        "rules": [{"backendRefs": [backend], "timeouts": timeouts}],
    }
    return _object(names, f"{_GATEWAY_API}/v1", "HTTPRoute", spec)


def _extension_policy(names: Names, profile: Profile) -> Document:
    body = "FullDuplexStreamed" if profile.is_duplex and not profile.has_patches else "Buffered"
    mode: dict[str, Any] = {"request": {"body": body}, "response": {}}
    if body != "Buffered":
        mode["response"] = {"body": body}
    if profile.allows_override:
        mode["allowModeOverride"] = True
    epp: dict[str, Any] = {"name": names.epp, "port": EPP_PORT}
    if not profile.has_patches:
        epp = {"group": GROUP, "kind": "Backend", "name": names.epp}
    asked = {
        "backendRefs": [epp],
        "processingMode": mode,
        "messageTimeout": f"{profile.message_seconds}s",
        "backendSettings": {
            "circuitBreaker": _LIMITS,
            "timeout": {"tcp": {"connectTimeout": _LONG if profile.has_patches else "10s"}},
        },
    }
    spec = {"targetRefs": [_target("HTTPRoute", names.name)], "extProc": [asked]}
    return _object(names, f"{GROUP}/v1alpha1", "EnvoyExtensionPolicy", spec)


def _patch_policy(names: Names, profile: Profile) -> Document:
    spec = {
        "targetRef": _target("Gateway", names.gateway),
        "type": "JSONPatch",
        "jsonPatches": list(patches(names, profile)),
    }
    return _object(names, f"{GROUP}/v1alpha1", "EnvoyPatchPolicy", spec)


def _traffic_policy(names: Names) -> Document:
    spec = {
        "targetRefs": [_target("HTTPRoute", names.name)],
        "loadBalancer": {
            "type": "LeastRequest",
            "endpointOverride": {"extractFrom": [{"header": DESTINATION_HEADER}]},
        },
        "circuitBreaker": _LIMITS,
    }
    return _object(names, f"{GROUP}/v1alpha1", "BackendTrafficPolicy", spec)


def _client_policy(names: Names) -> Document:
    """Return what lets Envoy hold bodies that pass the EPP in one piece.

    Longer ones than it may hold are refused with 413; Envoy Gateway's own limit is 32 KiB.
    """
    spec = {
        "targetRefs": [_target("Gateway", names.gateway)],
        "connection": {"bufferLimit": _LONGEST_BODY},
    }
    return _object(names, f"{GROUP}/v1alpha1", "ClientTrafficPolicy", spec)


def _target(kind: str, name: str) -> dict[str, str]:
    return {"group": _GATEWAY_API, "kind": kind, "name": name}


def _object(names: Names, api: str, kind: str, spec: Mapping[str, Any]) -> Document:
    """Return an object called as the stack; a class is named for the whole cluster."""
    metadata: dict[str, Any] = {"name": names.name, "namespace": names.namespace}
    if kind == "GatewayClass":
        metadata = {"name": names.gateway_class}
    metadata["labels"] = {"app.kubernetes.io/part-of": names.name}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": dict(spec)}
