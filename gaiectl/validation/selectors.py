"""Objects that find others by labels or names: Services, budgets, policies, monitors, bindings."""

from collections.abc import Iterator

from gaiectl.documents import Document
from gaiectl.validation.fields import at, namespace_of, pairs, parts, word
from gaiectl.validation.objects import title
from gaiectl.validation.pods import needs
from gaiectl.validation.pools import container_port
from gaiectl.validation.stream import Pods, Remark, Stream, written


def check_selectors(stream: Stream) -> Iterator[Remark]:
    """Yield selectors that select nothing rendered, and names that lead nowhere."""
    for pods in stream.pods:
        yield from _own_pods(pods)
    for service in stream.of("Service"):
        yield from _service(service, stream)
    for one in stream.of("PodDisruptionBudget", "PodMonitoring"):
        yield from _matching(one, "spec.selector", stream)
    for policy in stream.of("NetworkPolicy"):
        yield from _matching(policy, "spec.podSelector", stream)
    for scaler in stream.of("HorizontalPodAutoscaler"):
        kind, name = word(scaler, "spec", "scaleTargetRef", "kind"), _target(scaler)
        if kind and name and not stream.find(kind, namespace_of(scaler), name):
            yield needs(kind, name, namespace_of(scaler), title(scaler))
    for monitor in stream.of("ServiceMonitor"):
        yield from _monitor(monitor, stream)
    for binding in stream.of("RoleBinding", "ClusterRoleBinding"):
        yield from _binding(binding, stream)


def _target(scaler: Document) -> str:
    return word(scaler, "spec", "scaleTargetRef", "name")


def _own_pods(pods: Pods) -> Iterator[Remark]:
    wanted = pairs(pods.owner, "spec", "selector", "matchLabels")
    if wanted and not pods.has(wanted):
        yield Remark(
            f"{pods}: spec.selector wants {written(wanted)}, but its own pods carry "
            f"{written(pods.labels)}; a pod label of yours must not replace one of these"
        )


def _service(service: Document, stream: Stream) -> Iterator[Remark]:
    labels = pairs(service, "spec", "selector")
    if not labels or word(service, "spec", "type") == "ExternalName":
        return
    selected = stream.selected(namespace_of(service), labels)
    if not selected:
        yield _nothing(service, labels)
    for entry in parts(service, "spec", "ports"):
        target = at(entry, "targetPort")
        if not isinstance(target, str) or any(container_port(entry, pods) for pods in selected):
            continue
        for pods in selected:
            names = sorted({word(port, "name") for port in pods.ports} - {""})
            yield Remark(
                f"{title(service)}: port {at(entry, 'port')} leads to the container port "
                f"{target!r}, but {pods} has {', '.join(names) or 'no named ports'}; name "
                "one of these or a number"
            )


def _matching(document: Document, path: str, stream: Stream) -> Iterator[Remark]:
    selector = at(document, *path.split("."))
    labels = pairs(selector, "matchLabels")
    # Expressions say more than equality; an empty selector selects every pod.
    if not labels or at(selector, "matchExpressions"):
        return
    if not stream.selected(namespace_of(document), labels):
        yield _nothing(document, labels)


def _nothing(document: Document, labels: dict[str, str]) -> Remark:
    return Remark(
        f"needs pods with {written(labels)} in namespace {namespace_of(document)}: "
        f"{title(document)} selects them",
        is_mistake=False,
    )


def _monitor(monitor: Document, stream: Stream) -> Iterator[Remark]:
    labels = pairs(monitor, "spec", "selector", "matchLabels")
    services = [
        service
        for service in stream.of("Service")
        if labels.items() <= pairs(service, "metadata", "labels").items()
    ]
    if labels and not services:
        text = f"needs a Service with {written(labels)}: {title(monitor)} selects it"
        yield Remark(text, is_mistake=False)
    for endpoint in parts(monitor, "spec", "endpoints"):
        port = word(endpoint, "port")
        names = {word(entry, "name") for one in services for entry in parts(one, "spec", "ports")}
        if services and port and port not in names:
            yield Remark(
                f"{title(monitor)}: it scrapes the port {port!r}, but {title(services[0])} has "
                f"{', '.join(sorted(names - {''})) or 'no named ports'}; name one of these"
            )
        secret = word(endpoint, "authorization", "credentials", "name")
        if secret and not stream.find("Secret", namespace_of(monitor), secret):
            yield needs("Secret", secret, namespace_of(monitor), title(monitor))


def _binding(binding: Document, stream: Stream) -> Iterator[Remark]:
    kind, role = word(binding, "roleRef", "kind"), word(binding, "roleRef", "name")
    namespace = namespace_of(binding) if kind == "Role" else ""
    if kind and role and not role.startswith("system:") and not stream.find(kind, namespace, role):
        yield needs(kind, role, namespace, title(binding))
    rendered = {namespace_of(account) for account in stream.of("ServiceAccount")}
    for subject in parts(binding, "subjects"):
        name, place = word(subject, "name"), word(subject, "namespace")
        is_account = word(subject, "kind") == "ServiceAccount" and name != "default"
        # Accounts of other namespaces are those of monitoring systems.
        if is_account and place in rendered and not stream.find("ServiceAccount", place, name):
            yield needs("ServiceAccount", name, place, title(binding))
