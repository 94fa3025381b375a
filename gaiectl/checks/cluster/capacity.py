"""CAP: nodes that can take the pods, quotas that leave room, storage that can be had."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from gaiectl.checks.cluster.admission import refusals
from gaiectl.checks.cluster.check import PRE, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.fit import Node, nodes_of, obstacle, unplaced
from gaiectl.checks.cluster.quantities import Amounts, added, amounts, quantity, requests, shown
from gaiectl.checks.cluster.rollout import replicas, surge
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.cluster.worker_groups import pod_labels
from gaiectl.documents import Document
from gaiectl.validation.fields import at, name_of, pairs, parts, word
from gaiectl.validation.stream import Pods

_AUTOSCALERS = (
    ("karpenter.sh", "NodePool"),
    ("cluster.x-k8s.io", "MachineDeployment"),
    ("machine.openshift.io", "MachineSet"),
    ("autoscaling.gke.io", "ComputeClass"),
)
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _suitable(scene: Scene) -> str:
    workloads = _workloads(scene)
    nodes, unusable = _nodes(scene)
    if not nodes:
        raise Failed("\n".join(["no node takes pods", *unusable[:5]]))
    problems = []
    for pods in workloads:
        reasons = {node.name: obstacle(pods.spec, node) for node in nodes}
        if all(reasons.values()):
            told = list(dict.fromkeys(f"{n} {why}" for n, why in reasons.items()))[:5]
            problems.append(f"{pods} fits on no node: {'; '.join(told)}")
    if problems and (kind := _autoscaler(scene)):
        raise Doubtful(
            "\n".join(problems),
            hint=f"the cluster makes nodes by itself ({kind}): see that it can make such ones",
        )
    if problems:
        raise Failed("\n".join(problems))
    return f"{counted(len(nodes), 'node')} for {counted(len(workloads), 'workload')}"


def _room(scene: Scene) -> str:
    workloads = _workloads(scene)
    nodes, _ = _nodes(scene)
    pods = [
        pod
        for pod in scene.all("", "Pod")
        if word(pod, "spec", "nodeName")
        and word(pod, "status", "phase") not in ("Succeeded", "Failed")
    ]
    others = _taken(pod for pod in pods if not _is_of(pod, workloads))
    wanted = [(str(one), one.spec, replicas(one)) for one in workloads]
    if problems := unplaced(wanted, nodes, others):
        raise Failed("\n".join(problems))
    there = [one for one in workloads if any(_is_of(pod, [one]) for pod in pods)]
    # What is there stays until the new pod is ready; what is not comes, too.
    first = [
        (f"{one}, whose update starts a new pod before an old one ends", one.spec, surge(one))
        if one in there
        else (str(one), one.spec, replicas(one))
        for one in workloads
    ]
    if problems := unplaced(first, nodes, _taken(pods)):
        raise Failed("\n".join(problems))
    return f"{counted(sum(map(replicas, workloads)), 'pod')} find room"


def _taken(pods: Iterable[Document]) -> dict[str, Amounts]:
    """Return what pods take of each node."""
    used: dict[str, list[Amounts]] = {}
    for pod in pods:
        amount = {**requests(pod["spec"]), "pods": Decimal(1)}
        used.setdefault(word(pod, "spec", "nodeName"), []).append(amount)
    return {name: added(several) for name, several in used.items()}


def _quota(scene: Scene) -> str:
    workloads = _workloads(scene)
    problems = [f"{one.workload}: {one.message}" for one in refusals(scene) if one.is_quota]
    quotas = scene.all("", "ResourceQuota", scene.namespace)
    own = [pod for pod in scene.all("", "Pod", scene.namespace) if _is_of(pod, workloads)]
    wanted = _counted_by_quotas([p.spec for p in workloads for _ in range(replicas(p))])
    there = _counted_by_quotas([pod["spec"] for pod in own])
    problems += _beyond(quotas, wanted, there, "the stack takes {} more")
    if problems:
        raise Failed("\n".join(problems))
    updated = [one for one in workloads if any(_is_of(pod, [one]) for pod in own)]
    both = _counted_by_quotas(
        [pod["spec"] for pod in own] + [one.spec for one in updated for _ in range(surge(one))]
    )
    said = "an update, which starts new pods before old ones end, takes {} more"
    if problems := list(_beyond(quotas, both, there, said)):
        raise Doubtful("\n".join(problems))
    return f"{counted(len(quotas), 'quota')} in namespace {scene.namespace}"


def _beyond(
    quotas: Iterable[Document], wanted: Amounts, there: Amounts, said: str
) -> Iterator[str]:
    """Yield which quotas do not leave what is wanted beyond what is there."""
    for one in quotas:
        if at(one, "spec", "scopes") or at(one, "spec", "scopeSelector"):
            continue  # the trial of a pod has told whether it counts there
        hard, used = amounts(at(one, "status", "hard")), amounts(at(one, "status", "used"))
        for name, limit in hard.items():
            more = wanted.get(name, Decimal(0)) - there.get(name, Decimal(0))
            left = limit - used.get(name, Decimal(0))
            if more > 0 and more > left:
                plain = name.removeprefix("requests.").removeprefix("limits.")
                yield (
                    f"ResourceQuota {name_of(one)} leaves {shown(plain, max(left, Decimal(0)))} of "
                    f"{shown(plain, limit)} {name}, and {said.format(shown(plain, more))}"
                )


def _limits(scene: Scene) -> str:
    problems = [f"{one.workload}: {one.message}" for one in refusals(scene) if one.is_limit]
    if problems:
        raise Failed("\n".join(problems))
    return "as the API server says of a trial of each pod"


def _storage(scene: Scene) -> str:
    problems = []
    claims = scene.stream.of("PersistentVolumeClaim")
    named = {
        (pods.namespace, word(volume, "persistentVolumeClaim", "claimName"))
        for pods in scene.stream.pods
        for volume in parts(pods.spec, "volumes")
    }
    named = {one for one in named if one[1]}
    if not claims and not named:
        raise Skipped("no pod takes a PersistentVolumeClaim")
    for namespace, name in sorted(named):
        found = scene.find("PersistentVolumeClaim", name, namespace)
        if found is None:
            problems.append(f"there is no PersistentVolumeClaim {namespace}/{name}")
        elif word(found, "status", "phase") == "Lost":
            problems.append(f"PersistentVolumeClaim {namespace}/{name} has lost its volume")
    classes = scene.all("storage.k8s.io", "StorageClass")
    names = {name_of(one) for one in classes}
    has_default = any(
        pairs(one, "metadata", "annotations").get(_DEFAULT_CLASS) == "true" for one in classes
    )
    for claim in claims:
        wanted = word(claim, "spec", "storageClassName")
        if wanted and wanted not in names:
            there = ", ".join(sorted(names)) or "none"
            problems.append(
                f"{name_of(claim)} wants the storage class {wanted}; the cluster has {there}"
            )
        elif not wanted and not has_default:
            problems.append(f"{name_of(claim)} names no storage class, and none is the default")
    if problems:
        raise Failed("\n".join(problems))
    return f"{counted(len(named), 'claim')}"


def _workloads(scene: Scene) -> list[Pods]:
    if not scene.stream.pods:
        raise Skipped("no pods come with the stack")
    return scene.stream.pods


def _nodes(scene: Scene) -> tuple[list[Node], list[str]]:
    return nodes_of(scene.all("", "Node"))


def _autoscaler(scene: Scene) -> str:
    for group, kind in _AUTOSCALERS:
        if scene.cluster.kinds.versions(group):
            return f"{kind}.{group}"
    if scene.get("", "ConfigMap", "cluster-autoscaler-status", "kube-system"):
        return "cluster-autoscaler"
    return ""


def _is_of(pod: Document, workloads: list[Pods]) -> bool:
    """Tell whether a pod is of one of these workloads, as an earlier installation made it."""
    labels, place = pairs(pod, "metadata", "labels"), word(pod, "metadata", "namespace")
    return any(
        place == one.namespace
        and (wanted := pod_labels(one.owner))
        and wanted.items() <= labels.items()
        for one in workloads
    )


def _counted_by_quotas(specs: list[object]) -> Amounts:
    """Return what pods count in quotas: by plain names and with ``requests.`` and ``limits.``."""
    total: Amounts = {"pods": Decimal(len(specs))}
    asked = added(requests(spec) for spec in specs)
    for name, amount in asked.items():
        total[f"requests.{name}"] = amount
        if name in ("cpu", "memory", "ephemeral-storage"):
            total[name] = amount
    for spec in specs:
        for container in parts(spec, "containers"):
            limits = at(container, "resources", "limits")
            for name, value in (limits or {}).items():
                key = f"limits.{name}"
                total[key] = total.get(key, Decimal(0)) + quantity(value)
    return total


CHECKS = (
    Check(
        id="CAP001",
        title="some node can take each pod",
        proves="accelerators, labels, taints and sizes of the nodes fit the pods",
        hint="add such a node, or change modelServer.accelerators, resources, nodeSelector and "
        "tolerations of the stack; --model-server sim needs no accelerator",
        run=_suitable,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="CAP002",
        title="there is room for all pods now",
        proves="none of them waits until others end",
        hint="remove something, add a node, or ask for fewer replicas; pods of lower priority and "
        "nodes that come by themselves may make room; an update of the EPP needs no more room with "
        "--set inferenceExtension.strategy.type=Recreate, and has a gap",
        run=_room,
        stages=PRE,
        severity=Severity.WARNING,
        needs=("KUB001", "CAP001"),
    ),
    Check(
        id="CAP003",
        title="quotas leave room",
        proves="the API server creates all pods",
        hint="ask for more, or for fewer replicas: kubectl describe quota -n {namespace}",
        run=_quota,
        stages=PRE,
        needs=("KUB001", "KUB005"),
    ),
    Check(
        id="CAP004",
        title="limits of the namespace admit the pods",
        proves="no LimitRange refuses their sizes",
        hint="change resources of the stack: kubectl describe limits -n {namespace}",
        run=_limits,
        stages=PRE,
        needs=("KUB001", "KUB005"),
    ),
    Check(
        id="CAP005",
        title="volumes can be had",
        proves="claims exist, and classes that make their volumes",
        hint="create the claim, or name another one: modelServer.cache of the stack",
        run=_storage,
        stages=PRE,
        needs=("KUB001",),
    ),
)
