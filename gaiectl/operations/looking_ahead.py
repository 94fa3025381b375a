"""What stands in the way of an installation, found before anything is written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gaiectl import prereqs
from gaiectl.cluster import applyset, envoy_gateway, gateways
from gaiectl.cluster.api import Applied, Cluster
from gaiectl.cluster.applyset import ApplySet, is_ours, refuse_foreign
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.refused_pods import QUOTA_HINT
from gaiectl.cluster.resources import Resource, UnknownKind
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, Refused
from gaiectl.operations import definitions, permissions
from gaiectl.operations.releasing import ByHelm, has_release, release_of
from gaiectl.providers import envoy_gateway_settings
from gaiectl.validation.objections import Objected, Objection, value_at
from gaiectl.validation.origins import origin

SHARED = ("Namespace", "CustomResourceDefinition")
"""Kinds that the whole cluster shares: no stack owns their objects."""

GATEWAYS = gateways.GROUP
"""The API group of Gateways, their classes and routes."""


_FIELD = re.compile(r": \.((?:metadata|spec|data)[^\s:]*): ")
"""How an API server names a field that its schema does not know."""

_INSTANCE = "app.kubernetes.io/instance"
_NOUNS = ("a Helm release", "the Helm releases")


class Prospect(NamedTuple):
    """What was found when nothing stands in the way.

    Attributes:
        known: the stack's inventory.
        found: the objects that are there already.
        kept: shared objects that stay as they are.
        notes: what the user should know.
        has_namespace: the stack's namespace is there.
    """

    known: ApplySet
    found: Mapping[Identity, Document]
    kept: frozenset[Identity]
    notes: tuple[str, ...]
    has_namespace: bool


def look(
    cluster: Cluster,
    name: str,
    namespace: str,
    documents: Sequence[Document],
    *,
    is_waiting: bool,
    by_helm: ByHelm | None = None,
) -> Prospect:
    """Look at everything that can be known, and write nothing.

    Args:
        cluster: where.
        name: of the stack.
        namespace: of the stack.
        documents: all that it is made of.
        is_waiting: the installation will wait for pods.
        by_helm: the part that is to be a Helm release.

    Raises:
        GaieError: what stands in the way.
    """
    place = _namespace(cluster, namespace, documents)
    _require_rights(cluster, namespace, documents, is_waiting=is_waiting)
    if is_waiting:
        _require_controllers(cluster, documents)
    _require_settings(cluster, documents)
    known = applyset.read(cluster, name, namespace)
    if by_helm is None:
        _refuse_releases(cluster, namespace, known, _releases(name, documents))
    found: dict[Identity, Document] = {}
    notes, kept = [], set()
    for document in documents:
        who = identity(document)
        there = cluster.get(who)
        if there is not None:
            found[who] = there
            if by_helm and who in by_helm.holds:
                by_helm.refuse_foreign(there)
            else:
                _refuse_others(there, known)
        if who.kind == "CustomResourceDefinition":
            decision = definitions.decide(document, there)
            notes += [decision.note] if decision.note else []
            kept |= set() if decision.is_applied else {who}
    return Prospect(known, found, frozenset(kept), tuple(notes), place is not None)


def try_out(
    cluster: Cluster, documents: Iterable[Document], *, force: bool = False
) -> list[tuple[Identity, Applied]]:
    """Let the server try to apply them and keep nothing; return what would become of them.

    Objects of kinds, or in namespaces, that are not there yet cannot be tried: they are left out.

    Raises:
        GaieError: it would refuse some; tells all of them at once.
    """
    done: list[tuple[Identity, Applied]] = []
    refused: list[tuple[Document, ApiError]] = []
    for document in documents:
        who = identity(document)
        if cluster.kinds.find(who.group, who.kind) is None:
            continue
        try:
            done.append((who, cluster.apply(document, is_dry_run=True, force=force)))
        except ApiError as error:
            if error.status == 404 or _waits_for_role(who, error):
                continue
            refused.append((document, error))
    if refused:
        raise _refusal(refused)
    return done


def _namespace(cluster: Cluster, namespace: str, documents: Iterable[Document]) -> Document | None:
    who = Identity("", "Namespace", "", namespace)
    try:
        found = cluster.get(who)
    except ApiError as error:
        if error.status != 403:
            raise
        return {}  # who may not see namespaces was given one
    if found is None and all(identity(document) != who for document in documents):
        raise GaieError(
            f"there is no namespace {namespace}",
            hint="--create-namespace brings it, or name another one with -n",
        )
    if found is not None and found["metadata"].get("deletionTimestamp"):
        conditions = (found.get("status") or {}).get("conditions") or ()
        raise Refused(
            f"namespace {namespace} is being deleted",
            hint=f"wait until it is gone: kubectl wait --for=delete namespace/{namespace}",
            detail="\n".join(
                str(c.get("message")) for c in conditions if c.get("status") == "True"
            ),
        )
    return found


def _require_rights(
    cluster: Cluster, namespace: str, documents: Sequence[Document], *, is_waiting: bool
) -> None:
    brought = {
        (d["spec"]["group"], d["spec"]["names"]["kind"]): d
        for d in documents
        if d["kind"] == "CustomResourceDefinition"
    }
    resources: list[tuple[Resource, str, bool]] = []
    unknown: dict[str, None] = {}
    for document in documents:
        who = identity(document)
        definition = brought.get((who.group, who.kind))
        try:
            resource = _of(definition) if definition else cluster.kinds.of(document)
        except UnknownKind as error:
            unknown[f"{error.message}: {_bringing(who) or error.hint}"] = None
            continue
        place = who.namespace if resource.is_namespaced else ""
        resources.append((resource, place, who.kind in SHARED))
    if unknown:
        first, *others = unknown
        message, _, hint = first.partition(": ")
        ours = any("inference.networking" in line for line in unknown)
        raise GaieError(
            message,
            hint="--include-crds brings the CRDs of the Inference APIs" if ours else hint,
            detail="\n".join(line.partition(": ")[0] for line in others),
        )
    permissions.require(cluster, permissions.needed(resources, namespace, is_waiting=is_waiting))


def _bringing(who: Identity) -> str:
    """Return what brings a kind; empty if we know of nothing."""
    found = prereqs.of_kind(who.group, who.kind)
    return f"{found.command} brings it" if found else ""


def _require_controllers(cluster: Cluster, documents: Sequence[Document]) -> None:
    """Raise when a Gateway is of a class that is not there: it would be waited for in vain."""
    brought = {identity(document) for document in documents}
    for document in documents:
        who = identity(document)
        if (who.group, who.kind) != (GATEWAYS, "Gateway"):
            continue
        name = str((document.get("spec") or {}).get("gatewayClassName"))
        gateway_class = Identity(GATEWAYS, "GatewayClass", "", name)
        try:
            found = gateway_class in brought or cluster.get(gateway_class) is not None
        except ApiError as error:
            if error.status != 403:
                raise
            continue
        if not found:
            raise GaieError(
                f"there is no GatewayClass {name}: nobody would make {who} work",
                hint="install the gateway's controller first: gaiectl check --pre says how",
            )


def _require_settings(cluster: Cluster, documents: Sequence[Document]) -> None:
    """Raise when Envoy Gateway would not heed what is to be installed."""
    if not envoy_gateway_settings.switches(documents):
        return
    settings = envoy_gateway.settings(cluster)
    problems = (
        envoy_gateway_settings.objections(settings, documents) if settings is not None else []
    )
    if problems:
        raise GaieError(
            f"Envoy Gateway would not heed the stack: {'; '.join(problems)}",
            hint="its chart's values change that: "
            + (
                " && ".join(envoy_gateway_settings.fix(problems))
                or "config.envoyGateway.runtimeFlags"
            ),
        )


def _of(definition: Document) -> Resource:
    """Return the kind that a CRD defines, before the cluster serves it."""
    spec = definition["spec"]
    names, versions = spec["names"], spec["versions"]
    is_namespaced = spec["scope"] == "Namespaced"
    return Resource(
        spec["group"], versions[0]["name"], names["kind"], names["plural"], is_namespaced
    )


def _releases(name: str, documents: Iterable[Document]) -> list[str]:
    """Return the names of the Helm releases that would make these objects, the stack's first."""
    instances = (
        (document["metadata"].get("labels") or {}).get(_INSTANCE) for document in documents
    )
    return list(dict.fromkeys([name, *filter(None, instances)]))


def _refuse_releases(
    cluster: Cluster, namespace: str, known: ApplySet, names: Sequence[str]
) -> None:
    """Refuse a stack of the names of Helm releases: both would make objects of the same names."""
    name = names[0]
    if release_of(cluster, known):
        raise Refused(
            f"{name} is installed as a Helm release",
            hint=f"add --as-helm; helm rollback {name} -n {namespace} goes back to a revision",
        )
    there = [one for one in names if has_release(cluster, one, namespace)]
    if there:
        raise Refused(
            f"namespace {namespace} has {_NOUNS[len(there) > 1]} {', '.join(there)}",
            hint="give this stack another name, or remove what is there: "
            f"helm uninstall {' '.join(there)} -n {namespace}",
        )


def _refuse_others(there: Document, known: ApplySet) -> None:
    who = identity(there)
    if there["metadata"].get("deletionTimestamp") and who.kind not in SHARED:
        raise Refused(
            f"{who} is being deleted",
            hint="wait until it is gone, then run install again; finalizers may hold it: "
            + (", ".join(there["metadata"].get("finalizers") or ()) or "none"),
        )
    refuse_foreign(there, known)
    if not is_ours(there):
        raise Refused(
            f"{who} has the label of this stack, but not from gaiectl: it is a copy of one of its "
            "objects",
            hint=f"delete it, or remove its label {applyset.PART_OF}",
        )


def _waits_for_role(who: Identity, error: ApiError) -> bool:
    """Tell whether a binding is refused only because its role is not there yet."""
    return who.kind.endswith("RoleBinding") and "not found" in error.message


def _refusal(refused: Sequence[tuple[Document, ApiError]]) -> GaieError:
    conflicts = [one for one in refused if one[1].status == 409]
    if len(conflicts) == len(refused):
        return conflict(refused)
    said = [one for document, error in refused for one in _objections(document, error)]
    lines = [one.text for one in said]
    is_quota = any("exceeded quota" in line for line in lines)
    return Objected(
        f"the API server would refuse {len(refused)} object{'s'[: len(refused) != 1]}; "
        "nothing was changed",
        hint=QUOTA_HINT
        if is_quota
        else "correct what it names: values of the chart, gaie.yaml or options; gaiectl render "
        "shows the objects",
        objections=said,
    )


def conflict(refused: Sequence[tuple[Document, ApiError]]) -> GaieError:
    """Return what to say of fields that others own."""
    lines = [line for document, error in refused for line in _conflicts(document, error)]
    return Refused(
        f"{lines[0]}",
        hint="leave that field to them: remove it from what you install; or take it over with "
        "--force-conflicts",
        detail="\n".join(lines[1:]),
    )


def _conflicts(document: Document, error: ApiError) -> list[str]:
    """Return who has set which field."""
    who = identity(document)
    return [
        f"{who}: {field.lstrip('.')} is set by {_manager(told)}" for field, told in error.causes
    ] or [f"{who}: {error.message}"]


def _objections(document: Document, error: ApiError) -> list[Objection]:
    """Return what an API server says of an object, by field, with the value that we sent."""
    who = identity(document)
    if error.status == 409:
        return [Objection(line, "", None, "") for line in _conflicts(document, error)]
    if error.causes and all(field for field, _ in error.causes):
        told = [(field.lstrip("."), f"{who}: {field}: {text}") for field, text in error.causes]
    else:
        named = _FIELD.search(error.message)
        told = [(named[1] if named else "", f"{who}: {error.message}")]
    return [_objection(document, field, text) for field, text in told]


def _objection(document: Document, field: str, text: str) -> Objection:
    if not field:
        return Objection(text, "", None, "")
    name = origin(document, field)
    see = f" (see {name})" if name else ""
    return Objection(text + see, field, value_at(document, field), name)


def _manager(told: str) -> str:
    r"""Return who conflicts: ``conflict with "kubectl-edit" using apps/v1``."""
    _, _, rest = told.partition('"')
    manager, _, rest = rest.partition('"')
    if 'subresource "scale"' in rest or manager == "horizontal-pod-autoscaler":
        return f"{manager}, which scales it"
    return manager or told
