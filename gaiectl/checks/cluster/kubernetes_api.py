"""KUB: the API server, the user's rights, and whether the stack's names and pods are admitted."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from gaiectl.checks.cluster.admission import refusals
from gaiectl.checks.cluster.check import PRE, Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.wording import counted
from gaiectl.cluster.applyset import RELEASE, refuse_foreign
from gaiectl.cluster.refused_pods import hint_of
from gaiectl.cluster.resources import Resource
from gaiectl.documents import Document, identity
from gaiectl.errors import Refused
from gaiectl.validation.fields import namespace_of, pairs, word

_OLDEST = (1, 25)
"""What the charts need: CRDs with validation rules (CEL)."""

_TESTED = ((1, 32), (1, 35))
"""First and last minor release that we try."""

_MOST_SKEW_SECONDS = 10.0
_SHARED = ("Namespace", "CustomResourceDefinition")
_TO_CREATE = ("get", "create", "patch")
_TO_OWN = (*_TO_CREATE, "list", "delete")
_TO_KEEP_INVENTORY = ("get", "list", "create", "update", "delete")


def _answers(scene: Scene) -> str:
    # Asks for rights and not for the version: who may be unknown for that one.
    scene.cluster.may("get", Resource("", "v1", "Namespace", "namespaces", is_namespaced=False))
    connection = scene.cluster.connection
    return f"{connection.server}, context {connection.context}"


def _version(scene: Scene) -> str:
    found = scene.cluster.version()
    if found < _OLDEST:
        raise Failed(f"Kubernetes {_dotted(found)} is older than {_dotted(_OLDEST)}")
    first, last = _TESTED
    if not first <= found <= last:
        raise Doubtful(
            f"Kubernetes {_dotted(found)} is not among the releases that are tested, "
            f"{_dotted(first)} to {_dotted(last)}",
            hint="it may well work; try it where it does no harm",
        )
    return f"Kubernetes {_dotted(found)}"


def _clocks(scene: Scene) -> str:
    before = datetime.now(UTC)
    told = scene.cluster.clock()
    if told is None:
        raise Skipped("the server does not say what time it is")
    after = datetime.now(UTC)
    # The server cuts off what is below a second.
    ahead, behind = (told - after).total_seconds(), (before - told).total_seconds() - 1
    skew = max(ahead, behind, 0.0)
    if skew > _MOST_SKEW_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        raise Failed(f"the server's clock is {skew:.0f} s {direction} this machine's")
    return "no more than a second apart" if skew <= 1 else f"{skew:.0f} s apart"


def _rights(scene: Scene) -> str:
    wanted = list(_wanted_rights(scene))
    if not scene.documents:
        raise Skipped("name a path, so that it is known what would be created")
    with ThreadPoolExecutor(4) as pool:
        lacking = [
            (resource, namespace, verbs)
            for (resource, namespace, _), verbs in zip(
                wanted, pool.map(lambda one: _lacking(scene, *one), wanted), strict=True
            )
            if verbs
        ]
    if not lacking:
        return f"{counted(len(wanted), 'kind')} of objects, to create, change and remove"
    lines = [
        f"you may not {', '.join(verbs)} {resource.title}"
        + (f" in namespace {namespace}" if namespace else "")
        for resource, namespace, verbs in lacking
    ]
    rules = [
        f'{{apiGroups: ["{resource.group}"], resources: [{resource.plural}], '
        f"verbs: [{', '.join(verbs)}]}}"
        for resource, _, verbs in lacking
    ]
    raise Failed(
        "\n".join(lines),
        hint="ask who administers the cluster to bind you to a Role (a ClusterRole for what has no "
        f"namespace) with the rules: {' '.join(rules)}",
    )


def _wanted_rights(scene: Scene) -> Iterator[tuple[Resource, str, tuple[str, ...]]]:
    """Yield each kind that the stack has, in each of its namespaces; those not served are left."""
    kinds = scene.cluster.kinds
    secrets = kinds.need("", "Secret")
    yield secrets, scene.namespace, _TO_KEEP_INVENTORY
    seen = {(secrets.title, scene.namespace)}
    for document in scene.documents:
        who = identity(document)
        resource = kinds.find(who.group, who.kind)
        if resource is None or (resource.title, who.namespace) in seen:
            continue
        seen.add((resource.title, who.namespace))
        yield resource, who.namespace, _TO_CREATE if who.kind in _SHARED else _TO_OWN


def _lacking(
    scene: Scene, resource: Resource, namespace: str, verbs: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what may not be done; administrators are asked about once per kind."""
    if scene.cluster.may("*", resource, namespace):
        return ()
    return tuple(verb for verb in verbs if not scene.cluster.may(verb, resource, namespace))


def _namespace(scene: Scene) -> str:
    found = scene.get("", "Namespace", scene.namespace)
    if found is None:
        if scene.stream.find("Namespace", "", scene.namespace):
            return "it comes with the stack"
        raise Failed(f"there is no namespace {scene.namespace}")
    if found["metadata"].get("deletionTimestamp"):
        held = [
            one["message"]
            for one in found.get("status", {}).get("conditions") or ()
            if one.get("status") == "True" and one.get("message")
        ]
        raise Failed(
            "\n".join([f"namespace {scene.namespace} is being deleted", *held]),
            hint="wait until it is gone, or name another one with -n",
            fix=(f"kubectl wait --for=delete namespace/{scene.namespace}",),
        )
    return f"namespace {scene.namespace}"


def _names(scene: Scene) -> str:
    if not scene.documents:
        raise Skipped("name a path, so that it is known what would be created")
    known = scene.inventory
    found = 0
    taken: list[Refused] = []
    for document in scene.documents:
        who = identity(document)
        there = scene.get(who.group, who.kind, who.name, who.namespace)
        if there is None or known is None:
            continue
        found += 1
        if _holder(there) == known.annotations.get(RELEASE, "nobody"):
            continue  # of the stack's own Helm release
        try:
            refuse_foreign(there, known)
        except Refused as error:
            taken.append(error)
    if taken:
        hints = dict.fromkeys(error.hint for error in taken)
        raise Failed("\n".join(error.message for error in taken), hint="; or ".join(hints))
    count = len(scene.documents)
    return f"{count - found} of {counted(count, 'object')} are new, {found} are the stack's own"


def _holder(found: Document) -> str:
    return pairs(found, "metadata", "annotations").get("meta.helm.sh/release-name", "")


def _admitted(scene: Scene) -> str:
    found = [one for one in refusals(scene) if one.is_other]
    if not found:
        return f"the pods of {counted(len(scene.stream.pods), 'workload')}"
    security = [one for one in found if "PodSecurity" in one.message]
    raise Failed(
        "\n".join(f"{one.workload}: {one.message}" for one in found),
        hint="set what it names in the pods (modelServer and values of the stack), or let the "
        "namespace admit them: label pod-security.kubernetes.io/enforce"
        if security
        else hint_of(found[0].message, scene.namespace),
    )


def _granted(scene: Scene) -> str:
    """Nobody may give rights to an EPP that he does not have himself."""
    roles = scene.stream.of("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    if not roles:
        raise Skipped("the stack has no roles")
    problems = []
    for document in roles:
        place = namespace_of(document)
        if place and scene.get("", "Namespace", place) is None:
            raise Skipped(f"namespace {place} is not there yet")
        if document["kind"].endswith("Binding"):
            continue  # it needs its role, which is not there yet
        try:
            scene.cluster.apply(document, is_dry_run=True, force=True)
        except Exception as error:
            said = str(error)
            if "grant extra privileges" not in said and "attempting to grant" not in said:
                if "cannot" in said:
                    raise Skipped("you may not create roles at all") from None
                raise
            lacking = re.sub(r"\s+", " ", said.partition("held:")[2] or said).strip()
            problems.append(f"{document['kind']} {word(document, 'metadata', 'name')}: {lacking}")
    if problems:
        raise Failed("\n".join(problems))
    return f"{counted(len(roles), 'object')} of roles and bindings"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


CHECKS = (
    Check(
        id="KUB001",
        title="the API server answers you",
        proves="kubeconfig, network, certificate and credentials are in order",
        hint="see kubectl cluster-info, and log in again; --context names another cluster",
        run=_answers,
    ),
    Check(
        id="KUB002",
        title="the release of Kubernetes is one we know",
        proves="the API server has what the stack's objects use",
        hint="upgrade the cluster",
        run=_version,
        needs=("KUB001",),
    ),
    Check(
        id="KUB003",
        title="clocks agree",
        proves="tokens, certificates and leases end when both sides think so",
        hint="set this machine's clock, or the control plane's, by NTP",
        run=_clocks,
        severity=Severity.WARNING,
        needs=("KUB001",),
    ),
    Check(
        id="KUB004",
        title="you may create, change and remove every object",
        proves="installation and cleanup are not stopped halfway by a missing right",
        hint="",
        run=_rights,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="KUB005",
        title="the namespace is there and stays",
        proves="objects can be created in it",
        hint="--create-namespace brings it; -n names another one",
        fix=("kubectl create namespace {namespace}",),
        run=_namespace,
        needs=("KUB001",),
    ),
    Check(
        id="KUB006",
        title="no object of somebody else has a name of ours",
        proves="nothing of others is taken over, and none of them fights for a field",
        hint="give this stack another name",
        run=_names,
        stages=PRE,
        needs=("KUB001",),
    ),
    Check(
        id="KUB007",
        title="the pods are admitted",
        proves="Pod Security and admission webhooks let pods of this form in",
        hint="set what it asks for in the stack, or ask who set the rule",
        run=_admitted,
        stages=PRE,
        needs=("KUB001", "KUB005"),
    ),
    Check(
        id="KUB008",
        title="you may give the Endpoint Picker its rights",
        proves="its roles hold nothing that you may not do yourself",
        hint="ask who administers the cluster for these rights, or for the verb escalate on roles",
        run=_granted,
        stages=PRE,
        needs=("KUB001", "KUB005"),
    ),
)
