"""What must agree inside a pod, and what a pod takes from other objects."""

from collections.abc import Iterator, Mapping
from typing import Any

from gaiectl.validation.fields import Object, at, name_of, pairs, parts, whole, word
from gaiectl.validation.stream import Pods, Remark, Stream

_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_ACTIONS = ("httpGet", "tcpSocket")
_TOKEN_KEYS = ("token", "ca.crt", "namespace")
_IN_EVERY_NAMESPACE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
"""What Kubernetes makes by itself."""


def check_pods(stream: Stream) -> Iterator[Remark]:
    """Yield what is wrong with, or missing for, the pods of a rendering."""
    for pods in stream.pods:
        yield from _mounts(pods)
        yield from _probes(pods)
        yield from _ports(pods)
        yield from _references(pods, stream)


def _mounts(pods: Pods) -> Iterator[Remark]:
    volumes = {word(volume, "name") for volume in parts(pods.spec, "volumes")}
    volumes |= {name_of(claim) for claim in parts(pods.owner, "spec", "volumeClaimTemplates")}
    for container in _all(pods):
        for mount in parts(container, "volumeMounts"):
            name = word(mount, "name")
            if name not in volumes:
                yield Remark(
                    f"{pods}: container {word(container, 'name')} mounts the volume {name!r} at "
                    f"{word(mount, 'mountPath')}, but the pod has {_listed(volumes, 'volumes')}; "
                    "add the volume or correct the mount's name"
                )


def _probes(pods: Pods) -> Iterator[Remark]:
    for container in _all(pods):
        names = {word(port, "name") for port in parts(container, "ports")} - {""}
        for probe in _PROBES:
            for action in _ACTIONS:
                port = at(container, probe, action, "port")
                if isinstance(port, str) and port not in names:
                    yield Remark(
                        f"{pods}: {probe} of container {word(container, 'name')} asks the port "
                        f"{port!r}, but the container has {_listed(names, 'named ports')}; name "
                        "one of these or its number"
                    )


def _ports(pods: Pods) -> Iterator[Remark]:
    names: dict[str, str] = {}
    numbers: dict[tuple[Any, str], str] = {}
    for container in pods.running:
        owner = word(container, "name")
        for port in parts(container, "ports"):
            name, number = word(port, "name"), whole(port, "containerPort")
            listener = (number, word(port, "protocol", default="TCP"))
            if name and name in names:
                yield Remark(
                    f"{pods}: containers {names[name]} and {owner} both call a port {name!r}, so "
                    "that a Service would reach only one of them",
                    is_mistake=False,
                )
            if numbers.setdefault(listener, owner) != owner:
                yield Remark(
                    f"{pods}: containers {numbers[listener]} and {owner} both listen on port "
                    f"{number}, and share one address; give one of them another port"
                )
            names.setdefault(name, owner)


# References


def _references(pods: Pods, stream: Stream) -> Iterator[Remark]:
    for kind, name, key in references(pods):
        yield from _reference(pods, stream, kind, name, key)


def references(pods: Pods) -> list[tuple[str, str, str]]:
    """Return kind, name and key of what pods cannot start without; an empty key is no certain one.

    Each is there once; what is optional, and what Kubernetes makes by itself, is left out.
    """
    wanted = [("ServiceAccount", word(pods.spec, "serviceAccountName"), "")]
    wanted += [("Secret", word(one, "name"), "") for one in parts(pods.spec, "imagePullSecrets")]
    for volume in parts(pods.spec, "volumes"):
        wanted += _of_volume(volume)
    for container in _all(pods):
        wanted += _of_environment(container)
    return [
        (kind, name, key)
        for kind, name, key in dict.fromkeys(wanted)
        if name and (kind, name) not in _IN_EVERY_NAMESPACE
    ]


def _of_volume(volume: Object) -> Iterator[tuple[str, str, str]]:
    yield "PersistentVolumeClaim", word(volume, "persistentVolumeClaim", "claimName"), ""
    for source in (volume, *parts(volume, "projected", "sources")):
        for field, kind, name in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName" if source is volume else "name"),
        ):
            if at(source, field, "optional") is True:
                continue
            yield kind, word(source, field, name), ""
            for item in parts(source, field, "items"):
                yield kind, word(source, field, name), word(item, "key")


def _of_environment(container: Object) -> Iterator[tuple[str, str, str]]:
    for variable in parts(container, "env"):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            reference = at(variable, "valueFrom", field)
            if at(reference, "optional") is not True:
                yield kind, word(reference, "name"), word(reference, "key")
    for source in parts(container, "envFrom"):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if at(source, field, "optional") is not True:
                yield kind, word(source, field, "name"), ""


def _reference(pods: Pods, stream: Stream, kind: str, name: str, key: str) -> Iterator[Remark]:
    found = stream.find(kind, pods.namespace, name)
    keys = _keys(found) if found else set()
    if not found or (key and not keys):  # somebody else makes it, or fills it
        yield needs(kind, name, pods.namespace, f"{pods}", key=key)
    elif key and kind in ("ConfigMap", "Secret") and key not in keys:
        yield Remark(
            f"{pods}: it reads the key {key!r} of {kind} {name}, which has "
            f"{_listed(keys, 'keys')}; correct the key, or add it to the {kind}"
        )


def needs(kind: str, name: str, namespace: str, reader: str, *, key: str = "") -> Remark:
    """Return the note that something outside of the rendering must exist."""
    where = f" in namespace {namespace}" if namespace else ""
    what = f"{kind} {name}" + (f" with the key {key!r}" if key else "")
    return Remark(f"needs {what}{where}: {reader} uses it", is_mistake=False)


def _keys(document: Mapping[str, Any]) -> set[str]:
    keys = {*pairs(document, "data"), *pairs(document, "stringData")}
    keys |= {*pairs(document, "binaryData")}
    if word(document, "type") == "kubernetes.io/service-account-token":
        keys |= {*_TOKEN_KEYS}
    return keys


def config_map(stream: Stream, pods: Pods, path: str, container: Object) -> tuple[str, str]:
    """Return the name and key of the ConfigMap that a file of a container comes from.

    Both are empty when the file is not from a ConfigMap of the rendering.
    """
    for mount in parts(container, "volumeMounts"):
        folder = word(mount, "mountPath").rstrip("/")
        if not folder or not path.startswith(f"{folder}/"):
            continue
        for volume in parts(pods.spec, "volumes"):
            name = word(volume, "configMap", "name")
            if word(volume, "name") != word(mount, "name") or not name:
                continue
            file = path.removeprefix(f"{folder}/")
            items = parts(volume, "configMap", "items")
            keys = {word(item, "path"): word(item, "key") for item in items}
            if stream.find("ConfigMap", pods.namespace, name):
                return name, keys.get(file, "") if items else file
    return "", ""


def _all(pods: Pods) -> list[Object]:
    return [*parts(pods.spec, "initContainers"), *parts(pods.spec, "containers")]


def _listed(names: set[str], what: str) -> str:
    return ", ".join(sorted(names)) if names else f"no {what}"
