"""Which images the nodes of a cluster neither have nor can pull, told before anything is created.

Nodes say which images they have (``status.images``). An image of the registry ``localhost`` lives
in the engines that it was built or loaded into, so no node can pull it; whether any other one can
be pulled is for the nodes to find out.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.references import DEFAULT_REGISTRY, split
from gaiectl.validation.fields import at, name_of, pairs, parts, word
from gaiectl.validation.stream import Pods, Stream

LISTED_AT_MOST = 50
"""A kubelet lists so many images, the largest first (its ``nodeStatusMaxImages``)."""

NOTICED_AFTER_SECONDS = 45
"""A kubelet looks for images every 30 s, and says what it found within 10 s."""

_POLL_SECONDS = 2.0
_LOCAL = "localhost"
_REMOTE = ("", "")
_REPELLING = ("NoSchedule", "NoExecute")


class Missing(NamedTuple):
    """An image that pods cannot get on some node that they may run on.

    Attributes:
        image: as the pods name it.
        users: the workloads, like ``Deployment.apps ns/name``.
        have: names of the nodes that have it.
        lack: names of the nodes that do not.
        reason: why it cannot be had there, as a sentence.
        hint: how to get it there, as a command or an imperative sentence.
        may_come: whether it would be enough that the nodes had it.
    """

    image: str
    users: tuple[str, ...]
    have: tuple[str, ...]
    lack: tuple[str, ...]
    reason: str
    hint: str
    may_come: bool = True


def missing_images(cluster: Cluster, documents: Iterable[Document]) -> list[Missing]:
    """Return what pods of these documents could not start for, by image.

    Raises:
        ApiError: the nodes cannot be listed; status 403 where the user may not.
        Unreachable: the cluster does not answer.
    """
    pods = Stream(list(documents)).pods
    return missing(list(cluster.list(cluster.kinds.need("", "Node"))), pods)


def require_images(
    cluster: Cluster,
    documents: Iterable[Document],
    *,
    seconds: float = NOTICED_AFTER_SECONDS,
    waiting: Callable[[str], object] = lambda _text: None,
) -> list[str]:
    """Refuse documents with an image that no node has or can pull; return notes on the others.

    A node tells late of an image that was just loaded, so it is asked again for a while.

    Args:
        cluster: nothing is written to it.
        documents: what is to be created.
        seconds: how long to ask again before it is refused.
        waiting: told once, in one line, what is waited for.

    Raises:
        GaieError: no node can run these pods; it names the image, its users and the way out.
    """
    documents = list(documents)
    deadline = time.monotonic() + seconds
    is_told = False
    while True:
        try:
            found = missing_images(cluster, documents)
        except ApiError as error:
            if error.status != 403:
                raise
            return ["you may not list nodes, so it is not known whether they have the images"]
        nowhere = [one for one in found if not one.have]
        if not nowhere:
            return [f"{one.reason}; {one.hint}" for one in found]
        if time.monotonic() >= deadline or not all(one.may_come for one in nowhere):
            raise _refusal(nowhere)
        if not is_told:
            is_told = True
            waiting(f"nodes to tell of {nowhere[0].image}, in case it was loaded just now")
        time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def missing(nodes: list[Document], workloads: Iterable[Pods]) -> list[Missing]:
    """Return what these nodes lack for these workloads, by image. Pure."""
    held = {name_of(node): _images(node) for node in nodes}
    full_lists = {name_of(n) for n in nodes if len(parts(n, "status", "images")) >= LISTED_AT_MOST}
    wanted: dict[str, list[tuple[Pods, bool]]] = {}
    for pods in workloads:
        for image, is_pulled_always in _unpullable(pods.spec):
            wanted.setdefault(image, []).append((pods, is_pulled_always))
    found = []
    for image, uses in wanted.items():
        usable = [node for node in nodes if any(_admits(node, pods.spec) for pods, _ in uses)]
        names = [name_of(node) for node in usable]
        users = tuple(dict.fromkeys(str(pods) for pods, _ in uses))
        if any(is_pulled_always for _, is_pulled_always in uses):
            found.append(_never(image, users, names))
            continue
        has = {name: _normal(image) in held[name] for name in names}
        have = tuple(name for name in names if has[name])
        full = [name for name in names if name in full_lists and not has[name]]
        lack = tuple(name for name in names if not has[name] and name not in full)
        if lack and not (full and not have):
            found.append(_lacking(image, users, have, lack, usable))
    return found


def _unpullable(spec: Any) -> Iterator[tuple[str, bool]]:
    """Yield the images that a node must have, and whether its pod insists on pulling."""
    for container in (*parts(spec, "initContainers"), *parts(spec, "containers")):
        image = word(container, "image")
        is_latest = _normal(image).endswith(":latest")
        default = "Always" if is_latest else "IfNotPresent"
        policy = word(container, "imagePullPolicy", default=default)
        if image and (policy == "Never" or split(image)[0] == _LOCAL):
            yield image, policy == "Always"


def _images(node: Document) -> set[str]:
    lists = [at(one, "names") for one in parts(node, "status", "images")]
    names = [name for names in lists if isinstance(names, list) for name in names]
    return {_normal(name) for name in names if isinstance(name, str)}


def _normal(image: str) -> str:
    """Return an image's name in full: with registry, and its digest or else its tag."""
    registry, path, rest = split(image)
    short = registry == DEFAULT_REGISTRY and "/" not in path
    tag, at_sign, digest = rest.partition("@")
    return f"{registry}/{'library/' if short else ''}{path}{at_sign}{digest or tag or ':latest'}"


def _admits(node: Document, spec: Any) -> bool:
    """Tell whether the scheduler may put such a pod there, whatever else the node runs."""
    labels = pairs(node, "metadata", "labels")
    if (
        at(node, "spec", "unschedulable")
        or not pairs(spec, "nodeSelector").items() <= labels.items()
    ):
        return False
    tolerations = parts(spec, "tolerations")
    taints = [one for one in parts(node, "spec", "taints") if word(one, "effect") in _REPELLING]
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """As Kubernetes' ``Toleration.ToleratesTaint``."""
    if word(toleration, "effect") not in ("", word(taint, "effect")):
        return False
    if word(toleration, "key") not in ("", word(taint, "key")):
        return False
    is_any = word(toleration, "operator") == "Exists"
    return is_any or word(toleration, "value") == word(taint, "value")


def _never(image: str, users: tuple[str, ...], nodes: list[str]) -> Missing:
    reason = f"{users[0]} has {image} pulled each time it starts, but it is in no registry"
    hint = (
        "load it with a tag other than latest and let imagePullPolicy be IfNotPresent, or push it: "
        f"gaiectl image push {image} --to REGISTRY"
    )
    return Missing(image, users, (), tuple(nodes), reason, hint, may_come=False)


def _lacking(
    image: str,
    users: tuple[str, ...],
    have: tuple[str, ...],
    lack: tuple[str, ...],
    nodes: list[Document],
) -> Missing:
    where = f"node {lack[0]}" if len(lack) == 1 else f"{len(lack)} of {len(nodes)} nodes"
    reason = f"{users[0]} needs {image}, which {where} cannot pull and does not have"
    if len(lack) > 1:
        reason = reason.replace("does not", "do not")
    return Missing(image, users, have, lack, reason, _way(image, nodes))


def _way(image: str, nodes: list[Document]) -> str:
    """Return how an image gets to such nodes."""
    if any(local_cluster(node) != _REMOTE for node in nodes):
        return f"load it: gaiectl image load {image}"
    return (
        f"push it where nodes can pull it, gaiectl image push {image} --to REGISTRY, and install "
        f"with that name; or load it on each node: gaiectl image load {image} --to containerd"
    )


def local_cluster(node: Document) -> tuple[str, str]:
    """Return which program made a cluster on a developer's machine, and its name; or empty texts.

    Kind writes ``kind://docker/NAME/NODE`` as provider id, k3d names nodes ``k3d-NAME-server-0``,
    minikube labels them.
    """
    scheme, _, rest = word(node, "spec", "providerID").partition("://")
    if scheme == "kind":
        return "kind", rest.split("/")[1] if rest.count("/") > 1 else "kind"
    name = name_of(node)
    if name.startswith("k3d-") and ("-server-" in name or "-agent-" in name):
        return "k3d", name.removeprefix("k3d-").rpartition("-")[0].rpartition("-")[0]
    profile = pairs(node, "metadata", "labels").get("minikube.k8s.io/name", "")
    return ("minikube", profile) if profile else _REMOTE


def _refusal(nowhere: list[Missing]) -> GaieError:
    others = "\n".join(one.reason for one in nowhere[1:])
    hints = dict.fromkeys(one.hint for one in nowhere)
    return GaieError(nowhere[0].reason, hint="\n".join(hints), detail=others)
