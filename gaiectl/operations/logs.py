"""What the pods of a stack write: all of them at once, and those that come meanwhile."""

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.applyset import ApplySet
from gaiectl.cluster.failures import ApiError
from gaiectl.errors import GaieError
from gaiectl.operations import stack_pods
from gaiectl.operations.stack_pods import Pod
from gaiectl.operations.which import seen

_LOOK_SECONDS = 2.0
_MOST_WAITING = 10_000


class Wanted(NamedTuple):
    """Which lines are wanted.

    Attributes:
        component: of the pods or their sidecars; empty for all.
        lines: of each container, the last ones; None for all.
        since_seconds: only those of so many seconds; 0 for all.
        is_previous: of containers before their last restart.
    """

    component: str = ""
    lines: int | None = None
    since_seconds: int = 0
    is_previous: bool = False


class Origin(NamedTuple):
    """A container that writes.

    Attributes:
        namespace: of its pod.
        pod: name.
        container: name.
        uid: of the pod.
        restarts: how often it was restarted.
        silence: why it has written nothing; empty if it has been started.
        is_alone: its pod has no other container.
    """

    namespace: str
    pod: str
    container: str
    uid: str
    restarts: int
    silence: str
    is_alone: bool

    @property
    def title(self) -> str:
        """``POD`` or ``POD/CONTAINER``."""
        return self.pod if self.is_alone else f"{self.pod}/{self.container}"


class Line(NamedTuple):
    """A line, or why there is none.

    Attributes:
        origin: who wrote it.
        text: without its end.
        is_ours: it is told by us, not by the container.
    """

    origin: Origin
    text: str
    is_ours: bool = False


def written(cluster: Cluster, stack: ApplySet, wanted: Wanted) -> Iterator[Line]:
    """Yield what the containers of a stack have written, one container after the other.

    Raises:
        GaieError: the stack has no such pods, or the cluster refuses.
    """
    found = _origins(cluster, stack, wanted)
    if not found:
        raise _nobody(wanted)
    for origin in found:
        yield from _lines(cluster, origin, wanted, follow=False)


def followed(cluster: Cluster, stack: ApplySet, wanted: Wanted) -> Iterator[Line]:
    """Yield what the containers of a stack write, as it comes, for ever.

    Containers that start meanwhile are followed from their first line.

    Raises:
        GaieError: the cluster refuses.
    """
    lines: queue.Queue[Line] = queue.Queue(_MOST_WAITING)
    known: set[tuple[str, str, int]] = set()
    looked, is_first = float("-inf"), True
    while True:
        if time.monotonic() - looked >= _LOOK_SECONDS:
            for origin in _origins(cluster, stack, wanted):
                key = (origin.uid, origin.container, origin.restarts)
                if origin.silence or key in known:
                    continue
                known.add(key)
                asked = wanted if is_first else Wanted()
                threading.Thread(
                    target=_follow, args=(cluster, origin, asked, lines), daemon=True
                ).start()
            looked, is_first = time.monotonic(), False
        try:
            yield lines.get(timeout=_LOOK_SECONDS / 2)
        except queue.Empty:
            continue


def origins(pods: Iterable[Pod], component: str, *, is_previous: bool) -> list[Origin]:
    """Return the containers of a component, of all for none; pure."""
    found = []
    for pod in pods:
        spec, status = _map(pod.document, "spec"), _map(pod.document, "status")
        told = {
            one.get("name"): one
            for field in ("initContainerStatuses", "containerStatuses")
            for one in status.get(field) or ()
            if isinstance(one, dict)
        }
        names = [
            str(one.get("name"))
            for field in ("initContainers", "containers")
            for one in spec.get(field) or ()
        ]
        for name in names:
            if component and stack_pods.component_of(name, pod) != component:
                continue
            one = told.get(name, {})
            restarts = int(one.get("restartCount") or 0)
            if is_previous and not restarts:
                continue
            uid = pod.document["metadata"]["uid"]
            found.append(
                Origin(pod.namespace, pod.name, name, uid, restarts, _silence(one), len(names) == 1)
            )
    return found


def _origins(cluster: Cluster, stack: ApplySet, wanted: Wanted) -> list[Origin]:
    pods = stack_pods.find(cluster, seen(cluster, stack).members)
    return origins(pods, wanted.component, is_previous=wanted.is_previous)


def _follow(cluster: Cluster, origin: Origin, wanted: Wanted, lines: "queue.Queue[Line]") -> None:
    try:
        for line in _lines(cluster, origin, wanted, follow=True):
            lines.put(line)
    except GaieError as error:
        lines.put(Line(origin, error.message, is_ours=True))


def _lines(cluster: Cluster, origin: Origin, wanted: Wanted, *, follow: bool) -> Iterator[Line]:
    if origin.silence and not wanted.is_previous:
        yield Line(origin, f"has written nothing: {origin.silence}", is_ours=True)
        return
    try:
        for text in cluster.log_lines(
            origin.namespace,
            origin.pod,
            origin.container,
            lines=wanted.lines,
            since_seconds=wanted.since_seconds,
            previous=wanted.is_previous,
            follow=follow,
        ):
            yield Line(origin, text)
    except ApiError as error:
        if error.status not in (400, 404):  # it has not been started yet, or is gone
            raise
        yield Line(origin, error.message, is_ours=True)


def _silence(status: Mapping[str, Any]) -> str:
    """Return why a container has never run; empty if it has."""
    state = _map(status, "state")
    if "running" in state or "terminated" in state or status.get("restartCount"):
        return ""
    return str(_map(state, "waiting").get("reason") or "it has not been started")


def _nobody(wanted: Wanted) -> GaieError:
    what = f"pod of component {wanted.component}" if wanted.component else "pod"
    if wanted.is_previous:
        return GaieError(
            f"no {what} was restarted: there is no log from before",
            hint="leave out --previous for the log of now",
        )
    return GaieError(f"the stack has no {what}", hint="gaiectl status says what there is")


def _map(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = document.get(field)
    return found if isinstance(found, dict) else {}
