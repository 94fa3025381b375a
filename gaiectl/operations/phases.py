"""The order in which objects come and go: phases, each of which the next one needs. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from gaiectl.documents import Document, in_apply_order


class Phase(StrEnum):
    """Parts of an installation, in the order in which they come; they go in the reverse order."""

    NAMESPACE = "namespace"
    CRDS = "crds"
    RIGHTS = "rights"
    CONFIGURATION = "configuration"
    POOL = "pool"
    WORKLOADS = "workloads"
    ROUTE = "route"
    POLICIES = "policies"


_PHASES = {
    "Namespace": Phase.NAMESPACE,
    "CustomResourceDefinition": Phase.CRDS,
    **dict.fromkeys(
        ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), Phase.RIGHTS
    ),
    **dict.fromkeys(
        (
            *("Secret", "ConfigMap", "PersistentVolumeClaim", "PriorityClass", "NetworkPolicy"),
            *("Service", "PodDisruptionBudget", "ResourceClaimTemplate"),
        ),
        Phase.CONFIGURATION,
    ),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "LeaderWorkerSet"),
        Phase.WORKLOADS,
    ),
    **dict.fromkeys(
        ("InferencePool", "InferenceModel", "InferenceObjective", "InferenceModelRewrite"),
        Phase.POOL,
    ),
    # They change what routes are made into, and must not outlive what they name.
    **dict.fromkeys(
        (
            *("BackendTrafficPolicy", "ClientTrafficPolicy"),
            *("EnvoyExtensionPolicy", "EnvoyPatchPolicy"),
        ),
        Phase.POLICIES,
    ),
}


def phase_of(document: Document) -> Phase:
    """Return the phase of an object; what nobody knows comes with the routes."""
    return _PHASES.get(document.get("kind", ""), Phase.ROUTE)


def by_phase(documents: Iterable[Document]) -> list[tuple[Phase, list[Document]]]:
    """Return the documents in apply order, by phases; none of them is empty."""
    ordered = in_apply_order(documents)
    grouped = {
        phase: [document for document in ordered if phase_of(document) is phase] for phase in Phase
    }
    return [(phase, found) for phase, found in grouped.items() if found]
