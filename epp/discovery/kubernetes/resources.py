"""Kinds of objects as the API server addresses them."""

from typing import NamedTuple

INFERENCE_GROUP = "inference.networking.k8s.io"
EARLY_GROUP = "inference.networking.x-k8s.io"
LLM_D_GROUP = "llm-d.ai"


class Resource(NamedTuple):
    """One kind.

    Attributes:
        group: API group; empty for the core.
        version: for example ``v1``.
        plural: the name in paths and in RBAC rules.
    """

    group: str
    version: str
    plural: str

    @property
    def api_path(self) -> str:
        """Path of the group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def is_custom(self) -> bool:
        """Whether a CRD defines it; of the kinds used here all but Kubernetes' own."""
        return self.group in (INFERENCE_GROUP, EARLY_GROUP, LLM_D_GROUP)

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of a namespace's objects, or of one of them."""
        return f"{self.api_path}/namespaces/{namespace}/{self.plural}" + (name and f"/{name}")

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
POOLS = Resource(INFERENCE_GROUP, "v1", "inferencepools")
EARLY_POOLS = Resource(EARLY_GROUP, "v1alpha2", "inferencepools")
OBJECTIVES = (
    Resource(LLM_D_GROUP, "v1alpha2", "inferenceobjectives"),
    Resource(EARLY_GROUP, "v1alpha2", "inferenceobjectives"),
)
REWRITES = (
    Resource(LLM_D_GROUP, "v1alpha2", "inferencemodelrewrites"),
    Resource(EARLY_GROUP, "v1alpha2", "inferencemodelrewrites"),
)
