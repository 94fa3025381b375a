"""Which InferencePools a gateway's controller is to answer for: those that routes lead to."""

from collections.abc import Iterable

from gaiectl import crds
from gaiectl.documents import Document, Identity, identity

_KIND = (crds.GROUP, "InferencePool")


def routed_pools(documents: Iterable[Document]) -> set[Identity]:
    """Return the InferencePools that HTTPRoutes among the documents name as backends."""
    return {
        Identity(*_KIND, backend.get("namespace") or who.namespace, name)
        for document in documents
        if (who := identity(document)).kind == "HTTPRoute"
        for rule in (document.get("spec") or {}).get("rules") or ()
        for backend in rule.get("backendRefs") or ()
        if (backend.get("group"), backend.get("kind")) == _KIND and (name := backend.get("name"))
    }
