"""CLN: objects of ours that belong to nobody."""

from gaiectl.checks.cluster.check import BOTH, POST, Check, Failed, Severity, Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.cluster import applyset
from gaiectl.cluster.applyset import PART_OF, is_ours
from gaiectl.documents import identity
from gaiectl.validation.fields import name_of, pairs, parts, word

_KINDS = (
    *(("apps", "Deployment"), ("", "Service"), ("", "ConfigMap"), ("", "ServiceAccount")),
    *(("rbac.authorization.k8s.io", "Role"), ("rbac.authorization.k8s.io", "RoleBinding")),
    ("inference.networking.k8s.io", "InferencePool"),
    *(("gateway.networking.k8s.io", "Gateway"), ("gateway.networking.k8s.io", "HTTPRoute")),
)
_MOST_SHOWN = 10


def _orphans(scene: Scene) -> str:
    there = map(identity, applyset.parents(scene.cluster, scene.namespace))
    parents = {applyset.ApplySet(who).id for who in there}
    found = []
    for group, kind in _KINDS:
        for one in scene.all(group, kind, scene.namespace):
            owner = pairs(one, "metadata", "labels").get(PART_OF)
            if owner and owner not in parents and is_ours(one):
                found.append(identity(one))
    if found:
        more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        raise Failed(
            "\n".join(f"{who} belongs to a stack that is gone" for who in found[:_MOST_SHOWN])
            + more,
            fix=tuple(
                f"kubectl delete {who.kind.lower()} -n {who.namespace} {who.name}"
                for who in found[:_MOST_SHOWN]
            ),
        )
    return f"nothing in namespace {scene.namespace}"


def _finished(scene: Scene) -> str:
    if scene.inventory is None or not scene.inventory.exists:
        raise Skipped("there is no stack")
    there = {identity(one)[:2] for one in scene.documents}
    empty = sorted(
        f"{kind}.{group}" if group else kind for group, kind in scene.inventory.kinds - there
    )
    problems = [f"the inventory names {kind}, of which nothing is there" for kind in empty]
    held = {identity(one) for one in scene.documents}
    problems += [
        f"{who} is not there"
        for who in map(identity, scene.rendered.documents)
        if who not in held and who.kind not in ("Namespace", "CustomResourceDefinition")
    ]
    if problems:
        raise Failed("\n".join(problems[:_MOST_SHOWN]))
    return f"{counted(len(scene.documents), 'object')}, as the inventory says"


def _claims(scene: Scene) -> str:
    claims = scene.all("", "PersistentVolumeClaim", scene.namespace)
    used = {
        word(volume, "persistentVolumeClaim", "claimName")
        for pod in scene.all("", "Pod", scene.namespace)
        for volume in parts(pod, "spec", "volumes")
    }
    ours = [
        name_of(one)
        for one in claims
        if PART_OF in pairs(one, "metadata", "labels") and name_of(one) not in used
    ]
    if ours:
        raise Failed(
            "\n".join(f"PersistentVolumeClaim {name} is used by no pod" for name in ours),
            fix=tuple(f"kubectl delete pvc -n {scene.namespace} {name}" for name in ours),
        )
    return f"{counted(len(claims), 'claim')} in namespace {scene.namespace}"


CHECKS = (
    Check(
        id="CLN001",
        title="nothing is left of stacks that are gone",
        proves="cleanups before have removed everything",
        hint="see that nobody needs them, then delete them",
        run=_orphans,
        stages=BOTH,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="CLN002",
        title="the stack is whole",
        proves="the last installation came to its end, and nobody has deleted a part since",
        hint="finish it: gaiectl install again, or gaiectl cleanup {name} -n {namespace}",
        run=_finished,
        stages=POST,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="CLN003",
        title="every volume that we claimed is used",
        proves="no disk is paid for nothing",
        hint="delete the claim if its data is not needed again",
        run=_claims,
        stages=BOTH,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
)
