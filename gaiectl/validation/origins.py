"""Which of the user's values a field of a rendered object is made from."""

import re
from collections.abc import Mapping
from typing import Any

_EPP = "inferenceExtension"

_OF_POD = (
    *("resources", "securityContext", "volumes", "volumeMounts", "affinity", "tolerations"),
    *("nodeSelector", "priorityClassName", "imagePullSecrets", "topologySpreadConstraints"),
    "terminationGracePeriodSeconds",
)
"""Fields of pods and containers that are values of the same name."""

_CHART: tuple[tuple[str, str, str], ...] = (
    # kinds, pattern of the field's path, value
    ("InferencePool", r"spec\.targetPort.*", "inferencePool.targetPorts"),
    ("InferencePool", r"spec\.selector.*", "inferencePool.modelServers.matchLabels"),
    ("InferencePool", r"spec\.appProtocol", "inferencePool.modelServerProtocol"),
    ("InferencePool", r".*failureMode", f"{_EPP}.failureMode"),
    ("InferencePool", r"spec\.(endpointPickerRef|extensionRef)\.port.*", f"{_EPP}.extProcPort"),
    ("InferenceObjective", r"spec.*|metadata\.name", "inferenceObjectives"),
    (
        "Service",
        r"spec\.ports.*",
        f"{_EPP}.extProcPort, {_EPP}.metricsPort, {_EPP}.extraServicePorts",
    ),
    ("Deployment", r"spec\.replicas", f"{_EPP}.replicas"),
    ("Deployment", r"spec\.strategy.*", f"{_EPP}.strategy"),
    ("Deployment", r".*\.containers\[\d+\]\.env.*", f"{_EPP}.env"),
    ("Deployment", r".*\.containers\[\d+\]\.ports.*", f"{_EPP}.extraContainerPorts, {_EPP}.flags"),
    ("Deployment", r".*\.containers\[\d+\]\.image", f"{_EPP}.image"),
    ("Deployment", r".*\.containers\[\d+\]\.imagePullPolicy", f"{_EPP}.image.pullPolicy"),
    ("Deployment", r".*\.containers\[\d+\]\.args.*", f"{_EPP}.flags"),
    (
        "Deployment",
        rf"spec\.template\.spec\.(?:containers\[\d+\]\.)?({'|'.join(_OF_POD)})\b.*",
        f"{_EPP}.{{1}}",
    ),
    ("Deployment", r"spec\.template\.metadata\.annotations.*", f"{_EPP}.podAnnotations"),
    ("Deployment", r"spec\.template\.metadata\.labels.*", f"{_EPP}.podLabels"),
    ("ConfigMap", r"data.*", f"{_EPP}.pluginsCustomConfig"),
    ("PodDisruptionBudget", r"spec.*", f"{_EPP}.podDisruptionBudget"),
    ("NetworkPolicy", r"spec.*", f"{_EPP}.networkPolicy"),
    ("ServiceMonitor|PodMonitoring", r"spec.*", f"{_EPP}.monitoring"),
    ("ServiceMonitor", r"metadata\.labels.*", f"{_EPP}.monitoring.prometheus.extraLabels"),
    ("DestinationRule", r"spec.*", "provider.istio.destinationRule"),
    ("HTTPRoute", r"spec.*", "experimentalHttpRoute"),
    (".*", r"metadata\.name", "the name of the release"),
    (".*", r"metadata\.namespace", "the namespace of the release"),
)
_GATEWAY: tuple[tuple[str, str, str], ...] = (
    ("Gateway", r"spec\.gatewayClassName", "gateway.gatewayClassName"),
    ("Gateway", r"spec\.listeners.*", "gateway.listeners"),
    ("DestinationRule", r"spec.*", "gateway.destinationRule"),
    ("GatewayParameters|AgentgatewayParameters", r".*\.service\b.*", "gateway.service"),
    ("GatewayParameters|AgentgatewayParameters", r"spec.*", "gateway.gatewayParameters"),
    ("ReferenceGrant", r"spec.*|metadata\.name.*", "gateway.tls.referenceGrant"),
    ("Ingress", r"spec.*", "ingress"),
    ("Ingress", r"metadata\.annotations.*", "commonAnnotations, ingress.annotations"),
    (".*", r"metadata\.annotations.*", "commonAnnotations, gateway.annotations"),
    (".*", r"metadata\.labels.*", "commonLabels, gateway.labels"),
    (".*", r"metadata\.name", "the name of the release, gateway.fullnameOverride"),
    (".*", r"metadata\.namespace", "the namespace of the release"),
)
_ROLE = "decode.{0}, prefill.{0}"
_MODEL_SERVICE: tuple[tuple[str, str, str], ...] = (
    (
        "PodMonitor",
        r"spec.*|metadata\.(annotations|labels).*",
        _ROLE.format("monitoring.podmonitor"),
    ),
    ("PersistentVolumeClaim", r"spec.*|metadata\.name", "modelArtifacts.volume"),
    ("ResourceClaimTemplate", r"spec.*|metadata\.name", "accelerator.resourceClaimTemplates"),
    (".*", r"spec\.replicas", _ROLE.format("replicas")),
    ("Deployment", r"spec\.strategy.*", _ROLE.format("strategy")),
    ("LeaderWorkerSet", r".*\.size", _ROLE.format("parallelism")),
    ("LeaderWorkerSet", r".*\.subGroupPolicy.*", _ROLE.format("subGroupPolicy")),
    (".*", r"spec.*\.metadata\.labels.*", "modelArtifacts.labels"),
    (".*", r"spec.*\.metadata\.annotations.*", _ROLE.format("podAnnotations")),
    (".*", r"metadata\.annotations.*", _ROLE.format("annotations")),
    (".*", r"spec.*\.initContainers\[0\].*", "routing.proxy"),
    (".*", r"spec.*\.containers\[\d+\].*", _ROLE.format("containers")),
    (".*", r"spec.*\.spec\.volumes.*", "modelArtifacts, " + _ROLE.format("volumes")),
    (".*", r"spec.*\.spec\.serviceAccountName", "serviceAccountOverride"),
    (".*", r"spec.*\.spec\.securityContext.*", _ROLE.format("podSecurityContext")),
    (".*", r"spec.*\.spec\.affinity.*", _ROLE.format("acceleratorTypes")),
    (
        ".*",
        rf"spec.*\.spec\.({'|'.join(_OF_POD)}|resourceClaims|schedulerName)\b.*",
        _ROLE.format("{1}"),
    ),
    (".*", r"metadata\.name", "the name of the release, fullnameOverride"),
    (".*", r"metadata\.namespace", "the namespace of the release"),
)
_MODEL_SERVER: tuple[tuple[str, str, str], ...] = (
    (".*", r"metadata\.(name|namespace)", "modelServer.name"),
    (".*", r"spec\.replicas", "modelServer.replicas"),
    (".*", r".*\.containers\[\d+\]\.env.*", "modelServer.env"),
    (".*", r".*\.containers\[\d+\]\.image", "modelServer.image"),
    (".*", r".*\.containers\[\d+\]\.args.*", "modelServer.arguments"),
    (".*", r".*\.containers\[\d+\]\.ports.*", "modelServer.port"),
    (".*", r".*\.(resources|tolerations|nodeSelector).*", "modelServer.{1}"),
    ("PersistentVolumeClaim", r"spec.*", "modelServer.cache"),
)


def origin(document: Mapping[str, Any], path: str) -> str:
    """Return the names of the values behind a field; empty when none is known.

    Args:
        document: the object; objects of our charts carry the label ``helm.sh/chart``.
        path: of the field, as ``gaiectl.validation.wording`` writes it.
    """
    kind = str(document.get("kind"))
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    chart = str(labels.get("helm.sh/chart", "")) if isinstance(labels, dict) else ""
    workload = kind in ("Deployment", "PersistentVolumeClaim", "Service", "ConfigMap")
    rows = _of_chart(chart) if chart else _MODEL_SERVER if workload else ()
    for kinds, pattern, value in rows:
        match = re.fullmatch(pattern, path)
        if match and re.fullmatch(kinds, kind):
            return value.replace("{1}", match[match.lastindex or 0])
    return ""


def _of_chart(chart: str) -> tuple[tuple[str, str, str], ...]:
    """Return the rows of a chart; the label holds its name and version."""
    return {"gateway": _GATEWAY, "modelservice": _MODEL_SERVICE}.get(
        chart.partition("-")[0], _CHART
    )
