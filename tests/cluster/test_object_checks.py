"""What is refused offline is what an API server refuses: neither more nor less."""

import copy
from pathlib import Path
from typing import Any

import pytest

from gaiectl.documents import Document, load
from gaiectl.errors import GaieError
from gaiectl.validation.objects import check_objects
from machine.cluster import Cluster

GOLDEN = Path(__file__).parents[1] / "golden"
SOURCES = (
    *("charts/13-prometheus/documents.yaml", "charts/10-istio-destination-rule/documents.yaml"),
    *("charts/28-route/documents.yaml", "charts/05-gke/documents.yaml", "model/gpu-full.yaml"),
    *("providers/istio.yaml", "charts/gateway-kgateway-node-port/documents.yaml"),
    *(
        "charts/gateway-agentgateway-values/documents.yaml",
        "charts/gateway-openshift/documents.yaml",
    ),
    *("charts/gateway-ingress/documents.yaml", "charts/modelservice-dra/documents.yaml"),
    *("charts/modelservice-well-lit/documents.yaml", "charts/modelservice-wide/documents.yaml"),
)
POD = "spec/template/spec"
EPP = f"{POD}/containers/0"

REFUSED = [
    ("Deployment", f"{EPP}/ports/0/containerPort", 70000),
    ("Deployment", f"{EPP}/ports/0/name", "grpc-ext-proc-of-the-epp"),
    ("Deployment", f"{EPP}/imagePullPolicy", "Sometimes"),
    ("Deployment", f"{EPP}/imagePolicy", "Always"),
    ("Deployment", f"{EPP}/image", None),
    ("Deployment", f"{EPP}/args", ["--v", 1]),
    ("Deployment", f"{EPP}/resources/requests/memory", "1Ti"),
    ("Deployment", f"{EPP}/resources/limits/memory", "512Mb"),
    ("Deployment", f"{EPP}/env/0/valueFrom", {}),
    ("Deployment", f"{EPP}/lifecycle", {"preStop": {"sleep": {"seconds": 3600}}}),
    ("Deployment", f"{POD}/serviceAccountName", "Epp"),
    ("Deployment", f"{POD}/securityContext/runAsUser", -1),
    ("Deployment", "spec/replicas", -1),
    ("Deployment", "spec/replicas", "1"),
    ("Deployment", "spec/strategy/rollingUpdate", {"maxSurge": 1}),
    ("Deployment", "metadata/labels/team", "a b"),
    ("Service", "metadata/name", "rel.a-epp"),
    ("Service", "spec/ports/0/port", 0),
    ("Service", "spec/ports/0/name", "Grpc"),
    ("Service", "spec/ports/0/protocol", "HTTP"),
    ("ConfigMap", "data", {"plugins": {"a": 1}}),
    ("Secret", "data", {"token": "?"}),
    ("PersistentVolumeClaim", "spec/accessModes", ["ReadWrite"]),
    ("PersistentVolumeClaim", "spec/resources", {}),
    ("Role", "rules/0/verbs", []),
    ("RoleBinding", "roleRef/kind", "Roles"),
    ("InferencePool", "spec/targetPorts", []),
    ("InferencePool", "spec/targetPorts", [{"number": 8000}, {"number": 8000}]),
    ("InferencePool", "spec/endpointPickerRef", {"name": "epp"}),
    ("InferencePool", "spec/endpointPickerRef/failureMode", "Open"),
    ("InferencePool", "spec/selector/matchLabels", {}),
    ("HTTPRoute", "spec/rules/0/matches/0/path/type", "Prefix"),
    ("HTTPRoute", "spec/rules/0/timeouts/request", "5 min"),
    ("DestinationRule", "spec/trafficPolicy/tls/mode", "TLS"),
    ("HTTPRoute", "spec/rules/0/timeouts", None),
    ("DestinationRule", "spec/trafficPolicy/connectionPool", None),
    ("ServiceMonitor", "spec/endpoints/0/interval", "often"),
    ("Telemetry", "spec/targetRefs/0/kind", None),
    ("ReferenceGrant", "spec/to", []),
    ("GatewayParameters", "spec/kube/service/ports/0/name", "http"),
    ("GatewayParameters", "spec/kube/envoyContainer/resources/limits/memory", "1 GB"),
    ("AgentgatewayParameters", "spec/shutdown/max", None),
    ("Ingress", "spec/rules/0/http/paths/0/path", "v1"),
    ("Ingress", "spec/rules/0/http/paths/0/pathType", "Regex"),
    ("Ingress", "spec/rules/0/host", "*.*.example.com"),
    ("PodMonitor", "spec/podMetricsEndpoints/0/interval", "often"),
    ("PodMonitor", "spec/selector", None),
    ("LeaderWorkerSet", "spec/leaderWorkerTemplate/size", "two"),
    ("LeaderWorkerSet", "spec/leaderWorkerTemplate/workerTemplate/spec/containers", None),
    ("LeaderWorkerSet", "spec/leaderWorkerTemplate/leaderTemplates", {}),
    ("ResourceClaimTemplate", "spec/spec/devices/requests/0/name", None),
    ("ResourceClaimTemplate", "spec/spec/devices/requests/0/exactly/count", "two"),
]
ACCEPTED = [
    ("Deployment", f"{EPP}/livenessProbe/periodSeconds", 0),
    ("Deployment", f"{EPP}/imagePullPolicy", ""),
    ("Deployment", f"{EPP}/resources/requests/cpu", 0.5),
    ("Deployment", f"{POD}/nodeSelector", None),
    ("Deployment", "spec/replicas", 0),
    ("Service", "spec/ports/0/targetPort", None),
    ("Service", "spec/type", ""),
    ("InferencePool", "spec/endpointPickerRef/failureMode", None),
    ("InferencePool", "spec/appProtocol", None),
    ("InferencePool", "status", None),
    ("Deployment", "metadata/annotations", {"Example.COM/Team": "a", "empty": None}),
    (
        *("Deployment", "metadata/ownerReferences"),
        [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}],
    ),
    ("Deployment", f"{EPP}/resources", {"requests": {"kubernetes.io/batch-cpu": "1k"}}),
    ("Deployment", f"{EPP}/volumeMounts/0/mountPath", "/config:of:epp"),
    (
        *("Deployment", f"{EPP}/env/0/valueFrom"),
        {"fieldRef": {"fieldPath": "metadata.name"}, "secretKeyRef": None},
    ),
    ("ConfigMap", "data", {"a": None}),
    ("Secret", "data", {"token": "QU\nJD\n"}),
    ("RoleBinding", "roleRef/apiGroup", ""),
    ("Gateway", "spec/addresses", [{"value": "192.0.2.1"}]),
    ("Ingress", "spec/rules/0/host", "*.example.com"),
    ("Ingress", "spec/ingressClassName", None),
]


def original(kind: str) -> Document:
    """Return an object that we render."""
    for source in SOURCES:
        for document in load((GOLDEN / source).read_text()):
            if document["kind"] == kind:
                return document
    raise LookupError(kind)


def changed(kind: str, path: str, value: Any, namespace: str) -> Document:
    document = copy.deepcopy(original(kind))
    document["metadata"]["namespace"] = namespace
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    target: Any = document
    for step in steps:
        target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
    target[last] = value
    return document


def is_refused_offline(document: Document) -> bool:
    try:
        check_objects([document])
    except GaieError:
        return True
    return False


@pytest.fixture(scope="module")
def namespace(bare_cluster: Cluster) -> str:
    """Where Pods may be made; nothing is, so all tests share it."""
    bare_cluster.do(
        "wait", "--for=create", "serviceaccount/default", "-n=default", "--timeout=180s"
    )
    return "default"


@pytest.mark.parametrize(("kind", "path", "value"), REFUSED)
def test_what_is_refused_offline_an_api_server_refuses(
    cluster_of_all_kinds: Cluster, namespace: str, kind: str, path: str, value: Any
) -> None:
    document = changed(kind, path, value, namespace)

    assert is_refused_offline(document)
    assert cluster_of_all_kinds.refusal(document, namespace)


@pytest.mark.parametrize(("kind", "path", "value"), ACCEPTED)
def test_what_an_api_server_takes_passes_offline(
    cluster_of_all_kinds: Cluster, namespace: str, kind: str, path: str, value: Any
) -> None:
    document = changed(kind, path, value, namespace)

    assert cluster_of_all_kinds.dry_run([document], namespace) == []
    assert not is_refused_offline(document)
