"""The objects of one rendering, and how they lead to each other.

Nothing here trusts the shape of an object: that is for ``gaiectl.validation.objects`` to judge.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gaiectl.documents import Document
from gaiectl.validation.fields import Object, at, name_of, namespace_of, pairs, parts, word
from gaiectl.validation.objects import kind_of, title

_TEMPLATE = (("spec", "template"),)
_GROUP = ("spec", "leaderWorkerTemplate")
_TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "Job"), _TEMPLATE),
    "LeaderWorkerSet": ((*_GROUP, "leaderTemplate"), (*_GROUP, "workerTemplate")),
}
"""Where the templates of pods are, by kind of workload."""


class Remark(NamedTuple):
    """What a check has to say.

    Attributes:
        text: one sentence.
        is_mistake: the stack cannot work; otherwise it is a note.
    """

    text: str
    is_mistake: bool = True


def written(labels: Mapping[str, str]) -> str:
    """Return labels as ``kubectl`` takes them."""
    return ",".join(f"{key}={value}" for key, value in labels.items()) or "nothing"


class Pods(NamedTuple):
    """The pods of one workload.

    Attributes:
        owner: the workload, or the pod itself.
        labels: of the pods.
        spec: of the pods.
    """

    owner: Document
    labels: Mapping[str, str]
    spec: Any

    def __str__(self) -> str:
        return title(self.owner)

    @property
    def namespace(self) -> str:
        """The namespace of the pods."""
        return namespace_of(self.owner)

    @property
    def running(self) -> list[Object]:
        """The containers that run side by side: ordinary ones and native sidecars."""
        sidecars = [
            one
            for one in parts(self.spec, "initContainers")
            if word(one, "restartPolicy") == "Always"
        ]
        return [*parts(self.spec, "containers"), *sidecars]

    @property
    def ports(self) -> list[Object]:
        """The declared ports of all containers that keep running."""
        return [port for container in self.running for port in parts(container, "ports")]

    def has(self, labels: Mapping[str, str]) -> bool:
        """Say whether the pods carry all of the labels."""
        return labels.items() <= self.labels.items()


class Stream:
    """The objects of one rendering.

    Attributes:
        documents: all that are maps.
        pods: of every workload.
    """

    def __init__(self, documents: Iterable[Any]) -> None:
        self.documents: list[Document] = [one for one in documents if isinstance(one, dict)]
        self.pods = list(self._pods())

    def of(self, *kinds: str) -> list[Document]:
        """Return the objects of some kinds, whatever their group."""
        return [one for one in self.documents if one.get("kind") in kinds]

    def named(self, kind: str, namespace: str, name: str) -> list[Document]:
        """Return the objects of a kind with this name in this namespace, one of each group."""
        wanted = (namespace, name)
        return [one for one in self.of(kind) if (namespace_of(one), name_of(one)) == wanted]

    def find(self, kind: str, namespace: str, name: str) -> Document | None:
        """Return the first of ``named``; most kinds are in one group only."""
        return next(iter(self.named(kind, namespace, name)), None)

    def group(self, document: Document) -> str:
        """Return the API group of an object."""
        kind = kind_of(document)
        return kind.group if kind else ""

    def selected(self, namespace: str, labels: Mapping[str, str]) -> list[Pods]:
        """Return the pods of a namespace that carry all of the labels."""
        return [pods for pods in self.pods if pods.namespace == namespace and pods.has(labels)]

    def _pods(self) -> Iterator[Pods]:
        for document in self.of("Pod"):
            yield Pods(document, pairs(document, "metadata", "labels"), at(document, "spec"))
        for document in self.of(*_TEMPLATES):
            for path in _TEMPLATES[document["kind"]]:
                template = at(document, *path)
                if template or path is _TEMPLATE[0]:
                    yield Pods(
                        document, pairs(template, "metadata", "labels"), at(template, "spec")
                    )
