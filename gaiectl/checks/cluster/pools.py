"""POL: pods that are selected, ports that agree, and the Endpoint Picker that a pool names."""

from collections.abc import Iterator, Mapping
from typing import Any

from gaiectl import crds
from gaiectl.checks.cluster.check import (
    BOTH,
    POST,
    Check,
    Doubtful,
    Failed,
    Finding,
    Skipped,
)
from gaiectl.checks.cluster.scene import Scene, not_allowed
from gaiectl.checks.wording import counted
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.cluster.statuses import State, status_of
from gaiectl.cluster.troubles import Trouble, trouble_of
from gaiectl.documents import Document
from gaiectl.validation.epps import Epp, Selection, epps, picker_of, selections
from gaiectl.validation.fields import at, name_of, namespace_of, pairs, parts, whole, word
from gaiectl.validation.stream import Pods, written

_MOST_SHOWN = 5
_ENDED = ("Succeeded", "Failed")


def endpoints(scene: Scene) -> list[Document]:
    """Return the pods that the stack's pools and Endpoint Pickers select."""
    found = {
        (namespace_of(pod), name_of(pod)): pod
        for one in selections(scene.stream)
        for pod in scene.pods(one.namespace, one.labels)
    }
    return list(found.values())


def _selections(scene: Scene) -> list[Selection]:
    found = [one for one in selections(scene.stream) if one.labels]
    if not found:
        raise Skipped("the stack selects no pods")
    return found


def _selected(scene: Scene) -> str:
    seen = []
    for one in _selections(scene):
        if scene.is_before and scene.stream.selected(one.namespace, one.labels):
            seen.append(f"{written(one.labels)}: pods that come with the stack")
            continue
        pods = scene.pods(one.namespace, one.labels)
        if not pods:
            raise _nothing(scene, one)
        ready = [pod for pod in pods if is_ready(pod)]
        if not ready:
            problems = [f"{one.source}: none of {counted(len(pods), 'pod')} is ready"]
            raise _explained(scene, problems, pods)
        told = f"{written(one.labels)}: {len(ready)} of {counted(len(pods), 'pod')} ready"
        if waiting := held_back(scene, pods):
            raise _explained(scene, [told], waiting, Doubtful)
        seen.append(told)
    return "; ".join(seen)


def _nothing(scene: Scene, one: Selection) -> Exception:
    """Return what is wrong with a selection of no pods, with what it may have meant."""
    kind = Doubtful if scene.is_before else Failed
    labels, place = written(one.labels), one.namespace
    line = f"{one.source} selects {labels}, which no pod in namespace {place} has"
    for deployment in _makers(scene, one):
        name, status = name_of(deployment), status_of(deployment)
        maker = f"{line}\nDeployment {name}, whose pods would have it,"
        if at(deployment, "spec", "replicas") == 0:
            return kind(
                f"{maker} is scaled to none",
                hint="scale it up",
                fix=(f"kubectl scale deployment -n {place} {name} --replicas=1",),
            )
        if status.state is State.FAILED:
            return kind(
                f"{maker} gets none: {status.reason}",
                hint=hint_of(status.reason, place),
                fix=(f"kubectl describe deployment -n {place} {name}",),
            )
    values = {
        f"{key}={pairs(pod, 'metadata', 'labels')[key]}"
        for pod in scene.all("", "Pod", place)
        for key in one.labels
        if key in pairs(pod, "metadata", "labels")
    }
    if values:
        line += f"\npods there have {', '.join(sorted(values)[:_MOST_SHOWN])}"
    elif elsewhere := sorted({namespace_of(pod) for pod in _everywhere(scene, one.labels)}):
        line += f"\npods with it are in namespace {', '.join(elsewhere[:_MOST_SHOWN])}"
    return kind(line, fix=(f"kubectl get pods -n {place} --show-labels",))


def _makers(scene: Scene, one: Selection) -> list[Document]:
    """Return the Deployments whose pods have the labels that are selected."""
    try:
        listed = scene.all("apps", "Deployment", one.namespace)
    except Skipped:
        return []
    return [
        deployment
        for deployment in listed
        if one.labels.items() <= pairs(deployment, "spec", "template", "metadata", "labels").items()
    ]


def _everywhere(scene: Scene, labels: Mapping[str, str]) -> list[Document]:
    try:
        return scene.pods("", labels)
    except Skipped:
        return []


def held_back(scene: Scene, pods: list[Document]) -> list[Document]:
    """Return those that something keeps from serving, while others do: of an update, perhaps."""
    return [
        pod
        for pod in pods
        if not is_ready(pod)
        and at(pod, "metadata", "deletionTimestamp") is None
        and word(pod, "status", "phase") not in _ENDED  # evicted ones stay listed
        and _trouble(scene, pod)
    ]


def _trouble(scene: Scene, pod: Document) -> Trouble | None:
    return trouble_of(pod, events_of(scene, pod))


def _explained(
    scene: Scene, problems: list[str], pods: list[Document], kind: type[Finding] = Failed
) -> Exception:
    """Return what stands in the way of pods; equal ones are told once."""
    told: dict[str, str] = {}
    for pod in pods:
        trouble = _trouble(scene, pod)
        if trouble is not None and trouble.message not in told:
            told[trouble.message] = trouble.hint
            problems.append(f"pod {name_of(pod)}: {trouble.message}")
    namespace = namespace_of(pods[0])
    return (Doubtful if scene.is_before else kind)(
        "\n".join(problems[: _MOST_SHOWN + 1]),
        hint=next(iter(told.values()), "see what the pods say"),
        fix=(f"kubectl describe pod -n {namespace} {name_of(pods[0])}",),
    )


def events_of(scene: Scene, pod: Document) -> list[Document]:
    """Return the events about a pod; none where they may not be read."""
    try:
        listed = scene.all("", "Event", namespace_of(pod))
    except Skipped:
        return []
    uid = word(pod, "metadata", "uid")
    return [one for one in listed if word(one, "involvedObject", "uid") == uid]


def _ports(scene: Scene) -> str:
    problems, seen = [], 0
    for one in _selections(scene):
        rendered = [
            (str(pods), pods.ports)
            for pods in (
                scene.stream.selected(one.namespace, one.labels) if scene.is_before else ()
            )
        ]
        live = [
            (f"pod {name_of(pod)}", Pods(pod, one.labels, at(pod, "spec")).ports)
            for pod in scene.pods(one.namespace, one.labels)
        ]
        for who, ports in rendered or live:
            declared = {number for port in ports if (number := whole(port, "containerPort"))}
            seen += 1
            if gone := [port for port in one.ports if declared and port not in declared]:
                has = ", ".join(map(str, sorted(declared)))
                problems.append(
                    f"{one.source} sends to port {', '.join(map(str, gone))}; {who} has {has}"
                )
    if problems:
        raise Failed("\n".join(problems[:_MOST_SHOWN]))
    if not seen:
        raise Skipped("no pod is selected")
    return f"ports {', '.join(sorted({str(p) for one in _selections(scene) for p in one.ports}))}"


def pools(scene: Scene) -> list[Document]:
    """Return the stack's InferencePools.

    Raises:
        Skipped: it has none.
    """
    found = scene.stream.of("InferencePool")
    if not found:
        raise Skipped("the stack has no InferencePool")
    return found


def _picker(scene: Scene) -> str:
    seen = []
    for pool in pools(scene):
        namespace = namespace_of(pool)
        _, name, number = picker_of(pool)
        if not name:
            raise Skipped("the pool names something else than a Service")
        service = scene.find("Service", name, namespace)
        if service is None:
            raise Failed(f"there is no Service {namespace}/{name}, which the pool names")
        entry = next(
            (one for one in parts(service, "spec", "ports") if whole(one, "port") == number), None
        )
        if entry is None:
            there = ", ".join(str(whole(one, "port")) for one in parts(service, "spec", "ports"))
            raise Failed(
                f"the pool asks Service {namespace}/{name} at port {number}; it has {there}",
                hint="set spec.endpointPickerRef.port.number of the pool to that of gRPC",
            )
        _leads_to_grpc(scene, service, entry)
        if not scene.is_before:
            _has_addresses(scene, service)
        seen.append(f"Service {namespace}/{name}, port {number}")
    return "; ".join(seen)


def _leads_to_grpc(scene: Scene, service: Document, entry: Mapping[str, Any]) -> None:
    target = at(entry, "targetPort") or whole(entry, "port")
    for epp in epps(scene.stream):
        if not epp.pods.has(pairs(service, "spec", "selector")):
            continue
        named = {
            word(port, "name"): whole(port, "containerPort")
            for port in parts(epp.container, "ports")
        }
        number = named.get(target) if isinstance(target, str) else target
        if number and number != epp.grpc_port:
            raise Failed(
                f"Service {name_of(service)} leads to port {number}, but the Endpoint Picker "
                f"listens on {epp.grpc_port} (--grpc-port)",
                hint="make the Service's targetPort and the flag agree",
            )


def _has_addresses(scene: Scene, service: Document) -> None:
    namespace, name = namespace_of(service), name_of(service)
    slices = [
        one
        for one in scene.all("discovery.k8s.io", "EndpointSlice", namespace)
        if pairs(one, "metadata", "labels").get("kubernetes.io/service-name") == name
    ]
    ready = [
        end
        for one in slices
        for end in parts(one, "endpoints")
        if at(end, "conditions", "ready") is not False
    ]
    if not ready:
        raise Failed(
            f"no ready pod stands behind Service {namespace}/{name}",
            hint="see why the Endpoint Picker is not ready, and that the Service selects it",
            fix=(f"kubectl describe service -n {namespace} {name}",),
        )


def _rights(scene: Scene) -> str:
    lacking, asked = [], 0
    for epp in epps(scene.stream):
        account = word(epp.pods.spec, "serviceAccountName", default="default")
        for verb, group, resource, namespace in _needed(epp):
            asked += 1
            if not _may(scene, (epp.pods.namespace, account), (verb, group, resource, namespace)):
                where = f" in namespace {namespace}" if namespace else ""
                lacking.append(f"{account} may not {verb} {resource}{where}")
    if lacking:
        raise Failed("\n".join(lacking))
    if not asked:
        raise Skipped("the stack has no Endpoint Picker")
    return counted(asked, "right")


def _needed(epp: Epp) -> Iterator[tuple[str, str, str, str]]:
    place = epp.pool_namespace
    wanted = [("", "pods")]
    if epp.flags.get("pool-name"):
        group = epp.flags.get("pool-group", crds.GROUP)
        wanted += [(group, "inferencepools"), (crds.EARLY_GROUP, "inferenceobjectives")]
    for group, resource in wanted:
        yield from ((verb, group, resource, place) for verb in ("list", "watch"))
    if epp.flags.get("metrics-endpoint-auth", "true") != "false":
        yield "create", "authentication.k8s.io", "tokenreviews", ""
        yield "create", "authorization.k8s.io", "subjectaccessreviews", ""
    if epp.flags.get("ha-enable-leader-election", "false") != "false":
        for verb in ("get", "create", "update"):
            yield verb, "coordination.k8s.io", "leases", epp.pods.namespace


def _may(scene: Scene, account: tuple[str, str], wanted: tuple[str, str, str, str]) -> bool:
    verb, group, resource, namespace = wanted
    place, name = account
    attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{place}:{name}",
            "groups": [
                *("system:serviceaccounts", f"system:serviceaccounts:{place}"),
                "system:authenticated",
            ],
            "resourceAttributes": {key: value for key, value in attributes.items() if value},
        },
    }
    try:
        answer = scene.cluster.ask(
            "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {}, review
        )
    except ApiError as error:
        if error.status != 403:
            raise
        raise not_allowed("create", "subjectaccessreviews", "authorization.k8s.io") from None
    return bool(at(answer, "status", "allowed"))


CHECKS = (
    Check(
        id="POL001",
        title="model servers are selected",
        proves="there is somebody to send requests to",
        hint="correct the selector (--selector), or start model servers with these labels",
        run=_selected,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="POL002",
        title="the pool's ports are ports of the model servers",
        proves="requests reach a port on which something listens",
        hint="set modelServer.targetPorts of the stack to the port that the pods serve on",
        run=_ports,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="POL003",
        title="the pool finds its Endpoint Picker",
        proves="the gateway can ask it: Service, port and flag agree",
        hint="install again: gaiectl install brings the Service back",
        run=_picker,
        stages=BOTH,
        needs=("KUB001",),
    ),
    Check(
        id="POL004",
        title="the Endpoint Picker has its rights",
        proves="it sees pods, pools and objectives",
        hint="install again: gaiectl install brings roles and bindings back",
        run=_rights,
        stages=POST,
        needs=("KUB001",),
    ),
)
