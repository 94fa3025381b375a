"""What the checks of a cluster look at: the objects of a stack, and those around them."""

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gaiectl.checks.cluster.check import Skipped, Stage
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity
from gaiectl.validation.fields import pairs
from gaiectl.validation.stream import Stream

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster
    from gaiectl.cluster.applyset import ApplySet
    from gaiectl.plan import Plan


T = TypeVar("T")


class LackingImage(NamedTuple):
    """An image that nodes cannot get.

    Attributes:
        text: which, and why.
        hint: what brings it there.
        is_nowhere: no node can start the pods; otherwise some can.
    """

    text: str
    hint: str
    is_nowhere: bool


MissingImages = Callable[[], Sequence[LackingImage]]


class Scene:
    """A cluster, and a stack that is to come to it or has come.

    What is asked of the cluster is asked once, whichever checks want it, and from several threads.

    Args:
        cluster: where.
        stage: before or after the installation.
        name: of the stack.
        namespace: of the stack.
        documents: the stack's objects: rendered before, as they are in the cluster after.
        rendered: after the installation: what it would be now, if the caller knows; else empty.
        plan: what was rendered; None when the caller does not know.
        inventory: of the stack; None when there is no namespace for one.
        missing_images: finds out which images nodes cannot get; None when the caller cannot.
    """

    def __init__(
        self,
        cluster: "Cluster",
        stage: Stage,
        *,
        name: str,
        namespace: str,
        documents: Sequence[Document] = (),
        rendered: Sequence[Document] = (),
        plan: "Plan | None" = None,
        inventory: "ApplySet | None" = None,
        missing_images: MissingImages | None = None,
    ) -> None:
        self.cluster = cluster
        self.stage = stage
        self.name = name
        self.namespace = namespace
        self.stream = Stream(documents)
        self.rendered = Stream(rendered)
        self.plan = plan
        self.inventory = inventory
        self.missing_images = missing_images
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[threading.Lock, list[Any]]] = {}

    @property
    def documents(self) -> Sequence[Document]:
        """The stack's objects."""
        return self.stream.documents

    @property
    def is_before(self) -> bool:
        """Whether the stack is still to come."""
        return self.stage is Stage.PRE

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returns or raises, which happens once for each key."""
        with self._lock:
            lock, held = self._known.setdefault(key, (threading.Lock(), []))
        with lock:
            if not held:
                try:
                    held.append((ask(), None))
                except Exception as error:  # noqa: BLE001 - raised again, also for who asks next
                    held.append((None, error))
        found, raised = held[0]
        if raised is not None:
            raise raised
        answer: T = found
        return answer

    def get(self, group: str, kind: str, name: str, namespace: str = "") -> Document | None:
        """Return an object; None when there is none, or no such kind.

        Raises:
            Skipped: the user may not get it.
        """
        who = Identity(group, kind, namespace, name)
        return self.once(who, lambda: self._get(who))

    def all(self, group: str, kind: str, namespace: str = "") -> list[Document]:
        """Return the objects of a kind, of one namespace or of all; none if there is no such kind.

        Raises:
            Skipped: the user may not list them.
        """
        return self.once((group, kind, namespace), lambda: self._list(group, kind, namespace))

    def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Document]:
        """Return the pods that carry the labels and have not ended, nor are about to."""
        return [
            pod
            for pod in self.all("", "Pod", namespace)
            if labels.items() <= pairs(pod, "metadata", "labels").items()
            and "deletionTimestamp" not in pod["metadata"]
            and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]

    def find(self, kind: str, name: str, namespace: str, group: str = "") -> Document | None:
        """Return an object of the stack or, if it has none, of the cluster."""
        return self.stream.find(kind, namespace, name) or self.get(group, kind, name, namespace)

    def _get(self, who: Identity) -> Document | None:
        try:
            return self.cluster.get(who)
        except ApiError as error:
            raise self._forbidden(error, "get", who.group, who.kind, who.namespace) from None

    def _list(self, group: str, kind: str, namespace: str) -> list[Document]:
        resource = self.cluster.kinds.find(group, kind)
        if resource is None:
            return []
        try:
            return list(self.cluster.list(resource, namespace))
        except ApiError as error:
            raise self._forbidden(error, "list", group, kind, namespace) from None

    def _forbidden(
        self, error: ApiError, verb: str, group: str, kind: str, namespace: str
    ) -> Exception:
        if error.status != 403:
            return error
        resource = self.cluster.kinds.find(group, kind)
        plural = resource.plural if resource else kind.lower()
        return not_allowed(verb, plural, group, namespace)


def not_allowed(verb: str, plural: str, group: str = "", namespace: str = "") -> Skipped:
    """Return why nothing is known, with the rule that would allow to look."""
    where = f" in namespace {namespace}" if namespace else ""
    role = "Role" if namespace else "ClusterRole"
    rule = f'{{apiGroups: ["{group}"], resources: [{plural}], verbs: [{verb}]}}'
    return Skipped(
        f"your user may not {verb} {plural}{where}",
        hint=f"a {role} with this rule lets it look: {rule}",
    )
