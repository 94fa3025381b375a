"""LeaderWorkerSets: groups of pods that serve together, each a leader with its workers. Pure.

The controller (sigs.k8s.io/lws) makes a StatefulSet of leaders, called as the set, and for each
leader one of its workers. All carry the set's name and the revision that they are of.
"""

from collections.abc import Iterable, Mapping

from gaiectl.documents import Document

KIND = "LeaderWorkerSet"
_NAME = "leaderworkerset.sigs.k8s.io/name"
_REVISION = "leaderworkerset.sigs.k8s.io/template-revision-hash"


def pod_labels(workload: Document) -> Mapping[str, str]:
    """Return the labels by which a workload's pods are found; a LeaderWorkerSet has no selector."""
    if workload.get("kind") == KIND:
        return {_NAME: workload["metadata"]["name"]}
    selector = (workload.get("spec") or {}).get("selector") or {}
    return selector.get("matchLabels") or {}


def newest(pods: Iterable[Document], sets: Iterable[Document], name: str) -> list[Document]:
    """Return the pods of a LeaderWorkerSet's newest revision.

    Args:
        pods: of the LeaderWorkerSet.
        sets: its StatefulSets; where they may not be seen, all pods are returned.
        name: of the LeaderWorkerSet.
    """
    wanted = {_labels(one).get(_REVISION) for one in sets if one["metadata"]["name"] == name}
    return [one for one in pods if not wanted or _labels(one).get(_REVISION) in wanted]


def lacking(sets: Iterable[Document]) -> list[Document]:
    """Return the StatefulSets that have fewer pods than they are to have."""
    return [one for one in sets if _count(one, "status") < _count(one, "spec")]


def _count(one: Document, part: str) -> int:
    found = (one.get(part) or {}).get("replicas")
    return found if isinstance(found, int) else 0


def _labels(one: Document) -> Mapping[str, str]:
    return one["metadata"].get("labels") or {}
