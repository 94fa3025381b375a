"""k8s-notification-source: changes of Kubernetes objects of one kind.

What:
    Watches the objects of a kind in the pool's namespace, for extractors that want to know
    (``epp.datalayer.sources.EventExtractor``).

Formula:
    None.

Reads:
    The Kubernetes API.

Parameters:
    version: version of the group.
    kind: kind of the objects.
    group: API group; empty is the core group.

When to use:
    With an extractor of your own; none of the built-in ones needs it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from epp.api.parameters import Param
from epp.api.registry import Family, plugin


@plugin("k8s-notification-source", Family.DATA_SOURCE)
@dataclass(frozen=True, slots=True)
class K8sNotificationSource:
    """Watches objects."""

    version: Annotated[str, Param("Version of the group.", minimum=1)]
    kind: Annotated[str, Param("Kind of the objects.", minimum=1)]
    group: Annotated[str, Param("API group; empty is the core group.")] = ""

    brings: ClassVar[str] = "objects"

    def objects(self) -> tuple[str, str, str]:
        """Return group, version and kind of what is to be watched."""
        return (self.group, self.version, self.kind)
