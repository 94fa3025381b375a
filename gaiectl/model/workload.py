"""A Deployment of model servers that every namespace admits: what all kinds have in common.

Pods meet the Pod Security Standard "restricted", write only to volumes, and hold no credential of
the API server. There is no Service: the EPP reads the addresses of pods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gaiectl.crds import ENGINE_LABEL
from gaiectl.documents import Document
from gaiectl.model.server import Settings

PORT = "http"
"""Name of the port that serves."""

REPLICAS = 3
"""When the settings name none; upstream's number, and what picking needs to show itself."""

_UID = 65532
_PROGRESS_SECONDS = 600

_CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
_POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": _UID,
    "runAsGroup": _UID,
    "fsGroup": _UID,
    # A claim full of weights takes minutes to walk.
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of the pod.

    Attributes:
        name: of the volume.
        source: in Kubernetes' form: ``{"emptyDir": {}}``.
        path: where the model server finds it; empty for a volume of a sidecar alone.
    """

    name: str
    source: Mapping[str, Any]
    path: str = ""


TMP = Volume(name="tmp", source={"emptyDir": {}}, path="/tmp")  # noqa: S108 - a mount of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What one kind runs.

    Attributes:
        container: name of the container that serves.
        engine: value of the pods' ``ENGINE_LABEL``.
        image: full reference.
        command: empty for the image's own.
        arguments: ours; the user's come after them, and the last one wins in all engines.
        env: a text, or a ``valueFrom``; the user's win.
        resources: when the settings give none.
        probes: ``startupProbe``, ``livenessProbe``, ``readinessProbe``.
        volumes: besides what ``Volume.path`` says, nothing can be written.
        sidecars: native ones, which start before the model server and stop after it.
        accelerators: per pod; they are requested, and their taint is tolerated.
        drain_seconds: how long a pod that ends still takes requests, as the EPP may not yet know.
        grace_seconds: until the pod is killed, the draining included.
        startup_seconds: how long loading may take.
        surge: a rollout may start a new pod before it stops an old one.
    """

    container: str
    engine: str
    image: str
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    sidecars: tuple[Document, ...] = ()
    accelerators: int = 0
    drain_seconds: int
    grace_seconds: int
    startup_seconds: int = 0
    surge: bool = False


def metadata(settings: Settings, name: str) -> dict[str, Any]:
    """Return the metadata of an object that belongs to these model servers."""
    return {
        "name": name,
        "namespace": settings.namespace,
        "labels": {
            "app.kubernetes.io/name": settings.name,
            "app.kubernetes.io/part-of": settings.stack or settings.name,
        },
    }


def container(name: str, image: str) -> dict[str, Any]:
    """Return the beginning of a container that "restricted" admits."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": dict(_CONTAINER_SECURITY),
    }


def deployment(settings: Settings, workload: Workload) -> Document:
    """Return the Deployment; its pods' label ``app`` is the Deployment's name, as upstream."""
    about = metadata(settings, settings.name)
    rollout = {} if workload.surge else {"maxSurge": 0, "maxUnavailable": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": about,
        "spec": {
            "replicas": settings.replicas or REPLICAS,
            # Loading counts as progress.
            "progressDeadlineSeconds": _PROGRESS_SECONDS + workload.startup_seconds,
            "selector": {"matchLabels": {"app": settings.name}},
            # Without surge a rollout needs no accelerator and no memory that nobody has.
            "strategy": {"type": "RollingUpdate"} | ({"rollingUpdate": rollout} if rollout else {}),
            "template": {
                "metadata": {
                    "labels": {
                        "app": settings.name,
                        ENGINE_LABEL: workload.engine,
                        **about["labels"],
                    }
                },
                "spec": _pod(settings, workload),
            },
        },
    }


def _pod(settings: Settings, workload: Workload) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        # A Service called vllm would set VLLM_PORT, which vLLM reads.
        "enableServiceLinks": False,
        "securityContext": dict(_POD_SECURITY),
        "terminationGracePeriodSeconds": workload.grace_seconds,
    }
    if workload.sidecars:
        pod["initContainers"] = [dict(sidecar) for sidecar in workload.sidecars]
    pod["containers"] = [_serving(settings, workload)]
    if workload.volumes:
        pod["volumes"] = [{"name": volume.name, **volume.source} for volume in workload.volumes]
    if settings.node_selector:
        pod["nodeSelector"] = dict(settings.node_selector)
    tolerations = [dict(toleration) for toleration in settings.tolerations]
    if workload.accelerators:
        # Clouds keep other pods away from such nodes with a taint of the resource's name.
        taint = {"key": settings.accelerator_resource, "operator": "Exists", "effect": "NoSchedule"}
        tolerations += [] if taint in tolerations else [taint]
    if tolerations:
        pod["tolerations"] = tolerations
    return pod


def _serving(settings: Settings, workload: Workload) -> dict[str, Any]:
    serving = container(workload.container, settings.image or workload.image)
    if workload.command:
        serving["command"] = list(workload.command)
    serving["args"] = [*workload.arguments, *settings.arguments]
    serving["env"] = [
        {"name": name, "value": value}
        if isinstance(value, str)
        else {"name": name, "valueFrom": value}
        for name, value in {**workload.env, **settings.env}.items()
    ]
    serving["ports"] = [{"name": PORT, "containerPort": settings.port, "protocol": "TCP"}]
    serving |= workload.probes
    serving["lifecycle"] = {"preStop": {"sleep": {"seconds": workload.drain_seconds}}}
    serving["resources"] = _resources(settings, workload)
    serving["volumeMounts"] = [
        {"name": volume.name, "mountPath": volume.path}
        for volume in workload.volumes
        if volume.path
    ]
    return serving


def _resources(settings: Settings, workload: Workload) -> dict[str, Any]:
    chosen = workload.resources if settings.resources is None else settings.resources
    resources = dict(chosen)
    if workload.accelerators:
        counted = {settings.accelerator_resource: str(workload.accelerators)}
        for part in ("requests", "limits"):
            resources[part] = {**resources.get(part, {}), **counted}
    return resources


def probe(path: str, *, period: int, timeout: int, failures: int, delay: int = 0) -> dict[str, Any]:
    """Return an HTTP probe of the serving port; times are seconds."""
    return {
        "httpGet": {"path": path, "port": PORT},
        **({"initialDelaySeconds": delay} if delay else {}),
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }
