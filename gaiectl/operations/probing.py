"""A request through what was installed: that pods are ready does not mean that anything is served.

httpx is imported where it is used, for it costs more than all else a short command does.
"""

import ipaddress
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.bodies import TooLong, whole
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.gateways import GROUP, Place, container_port, places
from gaiectl.cluster.pods import Target, find_pod, is_ready
from gaiectl.cluster.port_forward import forwarded
from gaiectl.cluster.rights import NotAllowed
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import GaieError, TimedOut, UsageError
from gaiectl.operations.model_loading import still_loading
from gaiectl.operations.waiting import Patience
from gaiectl.operations.waiting_words import printable
from gaiectl.validation.epps import selections
from gaiectl.validation.stream import Stream

if TYPE_CHECKING:
    import httpx

_LATE_SECONDS = 30.0
"""An endpoint picker sees a pod a moment after it is ready; a gateway, its route.

An Envoy waits up to 15 seconds for endpoints of a cluster that was changed (initial_fetch_timeout).
"""
_ASK_SECONDS = 60.0
_CONNECT_SECONDS = 3.0
_MOST_BYTES = 1 << 20
_ODD = (ValueError, LookupError, TypeError, RecursionError)
"""What an answer raises that is no JSON, or has another shape."""
_PERIOD_SECONDS = 0.5
_LOADING_PERIOD_SECONDS = 3.0


class Door(NamedTuple):
    """Where requests enter.

    Attributes:
        kind: ``Deployment`` of an Envoy of the stack's own, ``Gateway``, or ``Pod`` of one.
        name: of it.
        namespace: of it.
        port: where it listens.
    """

    kind: str
    name: str
    namespace: str
    port: int


class Served(NamedTuple):
    """A request was answered.

    Attributes:
        model: that was asked for.
        pod: which one answered, or its address; empty when nobody says.
        milliseconds: until the whole answer was there.
        door: where it was asked; the pod of a Gateway whose address is out of reach from here.
    """

    model: str
    pod: str
    milliseconds: float
    door: Door | None = None


class Closed(NamedTuple):
    """Nothing can be served yet, and that is no mistake.

    Attributes:
        why: what is missing, and how it will be seen.
    """

    why: str


def door_of(documents: Sequence[Document]) -> Door | None:
    """Return where requests enter what these documents make; None when they make no gateway."""
    for document in documents:
        who = identity(document)
        if (who.group, who.kind) == (GROUP, "Gateway"):
            listeners = (document.get("spec") or {}).get("listeners") or [{}]
            return Door("Gateway", who.name, who.namespace, int(listeners[0].get("port", 80)))
        if (who.group, who.kind) == ("apps", "Deployment"):
            for container in _pod_spec(document).get("containers") or ():
                if "envoy" in str(container.get("name")):
                    ports = container.get("ports") or ()
                    for port in ports:
                        if str(port.get("name", "")).startswith("http"):
                            return Door(who.kind, who.name, who.namespace, port["containerPort"])
    return None


def probe(
    cluster: Cluster, documents: Sequence[Document], namespace: str, patience: Patience
) -> Served | Closed:
    """Send a request through the gateway.

    Raises:
        GaieError: model servers are ready, and yet it is not answered.
    """
    labels = _selected(documents)
    pods = _pods(cluster, namespace, labels)
    chosen = ",".join(f"{key}={value}" for key, value in labels.items())
    if not pods:
        return Closed(
            f"no pod in namespace {namespace} has the labels {chosen}: requests are answered with "
            "503 until one has"
        )
    if not any(map(is_ready, pods)):
        return Closed(
            f"none of the {len(pods)} pods of {chosen} is ready: requests are answered with 503 "
            f"until one is; kubectl get pods -n {namespace} -l {chosen} -w"
        )
    door = door_of(documents)
    if door is None:
        return Closed(
            "the stack has no gateway of its own: it serves when the route of one leads to its "
            "InferencePool"
        )
    addresses = {
        str((pod.get("status") or {}).get("podIP")): pod["metadata"]["name"] for pod in pods
    }
    try:
        with _way_to(cluster, door) as (url, entered):
            found = _insist(
                url, addresses, patience, door, lambda: still_loading(cluster, documents, pods)
            )
            return found._replace(door=entered) if isinstance(found, Served) else found
    except (NotAllowed, UsageError) as error:  # the last one: nobody can be impersonated in it
        return Closed(f"all is ready, but nothing was asked: {error.message}; {error.hint}")


def _insist(
    url: str,
    addresses: Mapping[str, str],
    patience: Patience,
    door: Door,
    loading: Callable[[], str],
) -> Served | Closed:
    import httpx  # noqa: PLC0415 - see the module's docstring

    end = patience.now() + min(_LATE_SECONDS, max(patience.left, _PERIOD_SECONDS))
    timeout = httpx.Timeout(_ASK_SECONDS, connect=_CONNECT_SECONDS)
    with httpx.Client(base_url=url, timeout=timeout, trust_env=False) as client:
        while True:
            try:
                found = _ask(client, addresses, patience)
            except httpx.ConnectError as error:
                if door.kind == "Gateway":
                    return Closed(f"{url} cannot be reached from this machine: {error}")
                found = f"the connection failed: {error}"
            except TooLong as error:
                found = f"the gateway {error}"
            except (httpx.HTTPError, httpx.StreamError) as error:
                found = f"{type(error).__name__}: {error}"
            if isinstance(found, Served):
                return found
            if patience.now() >= end:
                reason = loading()
                if reason and patience.left > 0:
                    patience.sleep(_LOADING_PERIOD_SECONDS)
                    continue
                if reason:
                    raise TimedOut(
                        f"all is installed, but no model is served after {patience.seconds:g} s: "
                        f"{reason}",
                        hint="see that pod's log; --timeout waits longer, and a readinessProbe "
                        "that asks for the model keeps requests away until it is loaded",
                    )
                raise GaieError(
                    f"all is installed and ready, but a request through it fails: {found}",
                    hint=f"gaiectl check --post -n {door.namespace} looks for the reason; the log "
                    "of the endpoint picker says what became of it",
                )
            patience.sleep(_PERIOD_SECONDS)


def _ask(client: "httpx.Client", addresses: Mapping[str, str], patience: Patience) -> Served | str:
    """Return how it was served, or what was answered instead."""
    listed = _answered(client, "GET", "/v1/models")
    model = _model(listed)
    if not model:
        return f"GET /v1/models: {_told(listed)}"
    began = patience.now()
    asked = {"model": model, "prompt": "Hello", "max_tokens": 1}
    answer = _answered(client, "POST", "/v1/completions", asked)
    if answer.status != 200:
        return f"POST /v1/completions for {model}: {_told(answer)}"
    return Served(model, _pod(answer, addresses), (patience.now() - began) * 1000)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def _answered(client: "httpx.Client", method: str, place: str, asked: Any = None) -> _Answer:
    with client.stream(method, place, json=asked) as answer:
        body = whole(answer, most_bytes=_MOST_BYTES, seconds=_ASK_SECONDS)
        return _Answer(answer.status_code, answer.headers, body)


def _model(answer: _Answer) -> str:
    try:
        listed = json.loads(answer.body)["data"]
        return printable(str(listed[0]["id"])[:200]) if answer.status == 200 else ""
    except _ODD:
        return ""


def _told(answer: _Answer) -> str:
    text: Any = answer.body[:2000].decode("utf-8", "replace")
    with suppress(*_ODD):
        text = json.loads(answer.body)["error"]["message"]
    return f"{answer.status} {printable(' '.join(str(text).split())[:300])}".strip()


def _pod(answer: _Answer, addresses: Mapping[str, str]) -> str:
    named = answer.headers.get("x-inference-pod", "")
    if named:
        return printable(named[:253])
    served = answer.headers.get("x-gateway-destination-endpoint-served", "")
    host = served.rpartition(":")[0].strip("[]")
    return addresses.get(host) or printable(served[:100])


@contextmanager
def _way_to(cluster: Cluster, door: Door) -> Iterator[tuple[str, Door]]:
    """Yield the URL of a gateway, and where that enters: a pod if its address is out of reach."""
    if door.kind == "Deployment":
        pod, entered = find_pod(cluster, Target(door.kind, door.name), door.namespace), door
    else:
        url = _address(cluster, door)
        is_ours = _is_reached(url) and not _is_inside(cluster, door, url)
        behind = None if is_ours else _behind(cluster, door)
        if behind is None:
            yield url, door
            return
        pod, port = behind
        where = pod["metadata"]
        entered = Door("Pod", where["name"], where["namespace"], port)
    where = pod["metadata"]
    with forwarded(cluster.connection, where["namespace"], where["name"], entered.port) as forward:
        yield f"http://127.0.0.1:{forward.local_port}", entered


def _address(cluster: Cluster, door: Door) -> str:
    found = cluster.get(Identity(GROUP, door.kind, door.namespace, door.name)) or {}
    addresses = (found.get("status") or {}).get("addresses") or [{}]
    return f"http://{_host(str(addresses[0].get('value') or door.name))}:{door.port}"


def _is_reached(url: str) -> bool:
    """Tell whether somebody listens there for connections from this machine."""
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname or "", where.port or 80), _CONNECT_SECONDS):
            return True
    except (OSError, ValueError):  # the latter: no name that DNS could know
        return False


def _is_inside(cluster: Cluster, door: Door, url: str) -> bool:
    """Tell whether an address is one for pods only: whoever has it out here is somebody else."""
    host = urlsplit(url).hostname
    try:
        return any(
            (service.get("spec") or {}).get("clusterIP") == host
            for place in places(door.namespace, door.name)
            for service in _listed(cluster, "Service", place)
        )
    except ApiError as error:
        if error.status != 403:
            raise
        return False


def _behind(cluster: Cluster, door: Door) -> tuple[Document, int] | None:
    """Return a ready pod of a Gateway and its port; None where there is none that may be seen."""
    try:
        for place in places(door.namespace, door.name):
            for pod in filter(is_ready, _listed(cluster, "Pod", place)):
                return pod, container_port(_listed(cluster, "Service", place), pod, door.port)
    except ApiError as error:
        if error.status != 403:
            raise
    return None


def _listed(cluster: Cluster, kind: str, place: Place) -> list[Document]:
    resource = cluster.kinds.need("", kind)
    return list(cluster.list(resource, place.namespace, selector=place.selector))


def _host(address: str) -> str:
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address


def _pods(cluster: Cluster, namespace: str, labels: Mapping[str, str]) -> list[Document]:
    if not labels:
        return []
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        return list(cluster.list(cluster.kinds.need("", "Pod"), namespace, selector=selector))
    except ApiError as error:
        if error.status != 403:
            raise
        return []


def _selected(documents: Sequence[Document]) -> dict[str, str]:
    """Return the labels of the pods that are served; empty where equality alone does not say."""
    return next((one.labels for one in selections(Stream(list(documents)))), {})


def _pod_spec(document: Document) -> Mapping[str, Any]:
    found = ((document.get("spec") or {}).get("template") or {}).get("spec")
    return found if isinstance(found, dict) else {}
