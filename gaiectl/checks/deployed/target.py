"""A stack in a cluster as the target of checks: what it is, and ways to all its parts.

httpx is imported where it is used, for it costs more than all else a short command does.
"""

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gaiectl.checks.check import Skipped
from gaiectl.checks.cluster import check as of_cluster
from gaiectl.checks.cluster.data_path import Door, door_of
from gaiectl.checks.cluster.picker_pods import state_of
from gaiectl.checks.cluster.pools import endpoints
from gaiectl.checks.cluster.scene import Scene
from gaiectl.checks.cluster.tunnel import Answer, ask
from gaiectl.checks.deployed.model_pods import ModelPods
from gaiectl.checks.session import Session
from gaiectl.checks.target import Endpoint
from gaiectl.cluster import bodies
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.pods import is_ready
from gaiectl.cluster.port_forward import forwarded
from gaiectl.cluster.tokens import token_of_pod
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.epps import Epp, epps, selections
from gaiectl.validation.fields import at, name_of, namespace_of, pairs, parts, whole, word

_METRICS_PORT = 9090
_MOST_DIRECT = 2
"""Model servers that are asked past the gateway; it takes one or two to compare with."""

_GROUP = "leaderworkerset.sigs.k8s.io/group-key"
_ROLE = "llm-d.ai/role"
_BOTH = "both"
"""A role of earlier releases: such a server reads prompts and writes answers."""

_SECONDS = 15.0
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Picker:
    """The endpoint picker of a stack.

    Attributes:
        epp: its container and flags.
        pod: one that is ready.
    """

    epp: Epp
    pod: Document

    @property
    def labels(self) -> Mapping[str, str]:
        """What its pods carry."""
        return pairs(self.epp.pods.owner, "spec", "selector", "matchLabels")

    @property
    def metrics_port(self) -> int:
        """Where it shows its metrics."""
        told = self.epp.flags.get("metrics-port", "")
        return int(told) if told.isdecimal() else _METRICS_PORT


@dataclass(frozen=True, slots=True)
class Deployed:
    """Implements ``gaiectl.checks.target.Target`` with a stack in a cluster.

    Attributes:
        scene: the stack, as it was when the checks began.
        gateway_url: where requests are sent.
        model: the model to ask for.
        endpoints: the model servers.
        door: the pod behind ``gateway_url``; None when that was given.
        picker: the endpoint picker; None when no pod of it is ready.
        models: the pods of the model servers.
        metrics_url: the endpoint picker's metrics; empty when unknown.
        metrics_headers: what who reads them has to send.
        metrics_hidden: why they cannot be read; empty if they can.
        plugins: the plugin types in its configuration; None when unknown.
        body_limit_bytes: nobody says.
    """

    scene: Scene
    gateway_url: str
    model: str
    endpoints: Sequence[Endpoint]
    door: Door | None
    picker: Picker | None
    models: ModelPods
    metrics_url: str = ""
    metrics_headers: Mapping[str, str] = field(default_factory=dict)
    metrics_hidden: str = ""
    plugins: frozenset[str] | None = None
    body_limit_bytes: int | None = None

    @property
    def unkillable(self) -> str:
        """Pods that the stack did not bring are others'."""
        return self.models.foreign

    @property
    def heals_itself(self) -> bool:
        """Kubernetes makes other pods."""
        return True

    @property
    def repeats(self) -> bool:
        """An Envoy that the stack brought does; of other gateways nobody knows."""
        return self.door is not None and not any(self.scene.stream.of("Gateway"))

    @property
    def keeps_request_ids(self) -> bool:
        """An Envoy that the stack brought does; Istio's, as Envoy's by default, makes new ones."""
        return self.repeats

    def kill(self, endpoint: str) -> None:
        """Delete the pod, or its successor."""
        self.models.kill(endpoint)

    def hold_down(self) -> None:
        """Delete its successors."""
        self.models.hold_down()

    def start(self, endpoint: str) -> None:
        """Wait until there are as many as there were; the name is of no account."""
        del endpoint
        self.models.await_back()


def deployed(session: Session) -> Deployed:
    """Return the stack that a check is about.

    Raises:
        Skipped: it is in no cluster.
    """
    if not isinstance(session.target, Deployed):
        raise Skipped("the stack is in no cluster")
    return session.target


@contextlib.contextmanager
def reach(scene: Scene, *, url: str = "", model: str = "") -> Iterator[Deployed]:
    """Yield ways to the parts of a stack; they are closed afterwards.

    Args:
        scene: the stack.
        url: of its gateway; empty for a port-forward to one of its pods.
        model: to ask for; empty for the first that a model server tells.

    Raises:
        GaieError: there is no way to its gateway, or nobody tells which models there are.
    """
    with contextlib.ExitStack() as leaving:

        def lead(pod: Document, port: int) -> str:
            way = forwarded(scene.cluster.connection, namespace_of(pod), name_of(pod), port)
            return f"http://127.0.0.1:{leaving.enter_context(way).local_port}"

        door = None if url else _door(scene)
        if isinstance(door, str):
            url, door = door, None
        gateway_url = lead(door.pod, door.port) if door else url.rstrip("/")
        servers, models, plugins = _servers(scene), ModelPods(scene), _plugins(scene)
        picker = _picker(scene, door)
        metrics_url, headers, hidden = (
            "",
            dict[str, str](),
            "no pod of the endpoint picker is ready",
        )
        if picker is not None and picker.epp.flags.get("metrics-cert-dir"):
            hidden = "the endpoint picker shows its metrics by TLS, with a certificate of its own"
        elif picker is not None:
            headers, hidden = _credentials(scene, picker)
            metrics_url = "" if hidden else lead(picker.pod, picker.metrics_port) + "/metrics"
        yield Deployed(
            scene=scene,
            gateway_url=gateway_url,
            model=model or _model(scene, servers, gateway_url),
            endpoints=[
                Endpoint(
                    name_of(pod),
                    lead(pod, port) if number < _MOST_DIRECT else "",
                    f"{_host(word(pod, 'status', 'podIP'))}:{port}",
                    is_killable=not models.foreign,
                    is_chosen=is_chosen(pod, plugins),
                    group=pairs(pod, "metadata", "labels").get(_GROUP, ""),
                )
                for number, (pod, port) in enumerate(servers)
            ],
            door=door,
            picker=picker,
            models=models,
            metrics_url=metrics_url,
            metrics_headers=headers,
            metrics_hidden=hidden,
            plugins=plugins,
        )


def is_chosen(pod: Document, plugins: frozenset[str] | None) -> bool:
    """Return whether requests are sent to a model server, which writes their answers.

    Where serving is disaggregated, those whose role does not include to decode are only asked by
    others to read prompts (the role label and ``decode-filter`` of llm-d's scheduler).
    """
    role = pairs(pod, "metadata", "labels").get(_ROLE)
    filters = "decode-filter" in (plugins or ())
    return not filters or role is None or role == _BOTH or "decode" in role.split("-")


def places(scene: Scene) -> dict[str, str]:
    """Return what shows more of a stack in a cluster, for the hints of checks."""
    stack = f"{scene.name} -n {scene.namespace}"
    epp = next(epps(scene.stream), None)
    workload = f"{epp.pods.owner['kind'].lower()}/{name_of(epp.pods.owner)}" if epp else "the EPP"
    number = Picker(epp, {}).metrics_port if epp else _METRICS_PORT
    return {
        "status": f"gaiectl status {stack}",
        "epp log": f"gaiectl logs {stack} --component epp",
        "gateway log": f"gaiectl logs {stack} --component proxy",
        "metrics": f"by: kubectl port-forward -n {scene.namespace} {workload} {number}",
    }


def _door(scene: Scene) -> Door | str:
    """Return the pod that requests enter by, or the address of a gateway whose pods are unseen."""
    try:
        return door_of(scene)
    except of_cluster.Failed as error:
        raise GaieError(
            str(error), hint=f"gaiectl status {scene.name} -n {scene.namespace} says why"
        ) from None
    except of_cluster.Skipped as error:
        for gateway in scene.stream.of("Gateway"):
            addresses = [word(one, "value") for one in parts(gateway, "status", "addresses")]
            listeners = parts(gateway, "spec", "listeners")
            if addresses and addresses[0]:
                port = next(filter(None, (whole(one, "port") for one in listeners)), 80)
                return f"http://{_host(addresses[0])}:{port}"
        raise GaieError(str(error), hint="say where its gateway is: --url URL") from None


def _servers(scene: Scene) -> list[tuple[Document, int]]:
    """Return the model servers that are ready, with the port of each."""
    port = next((one.ports[0] for one in selections(scene.stream) if one.ports), 8000)
    return [(pod, port) for pod in endpoints(scene) if is_ready(pod)]


def _picker(scene: Scene, door: Door | None) -> Picker | None:
    """Return the endpoint picker; one in the pod of the gateway is the one that it asks."""
    for epp in epps(scene.stream):
        labels = pairs(epp.pods.owner, "spec", "selector", "matchLabels")
        ready = [pod for pod in scene.pods(epp.pods.namespace, labels) if is_ready(pod)]
        ready.sort(key=lambda pod: door is None or name_of(pod) != name_of(door.pod))
        if ready:
            return Picker(epp, ready[0])
    return None


def _credentials(scene: Scene, picker: Picker) -> tuple[dict[str, str], str]:
    """Return what the metrics want: nothing, or a token made for ten minutes; or why not."""
    headers: dict[str, str] = {}
    try:
        answer = ask(scene, picker.pod, picker.metrics_port, "/metrics")
        if answer.status in (401, 403):
            token = token_of_pod(scene.cluster, picker.pod)
            answer = ask(scene, picker.pod, picker.metrics_port, "/metrics", token=token)
            headers = {"authorization": f"Bearer {token}"}
    except of_cluster.Failed as error:
        return {}, str(error)
    except GaieError as error:
        return {}, f"{error.message}; {error.hint}"
    if answer.status in (401, 403):
        return {}, f"the endpoint picker does not show its metrics: {answer.short}"
    return headers, ""


def _plugins(scene: Scene) -> frozenset[str] | None:
    try:
        listed = parts(state_of(scene), "config", "plugins")
    except (of_cluster.Finding, ApiError):
        return None
    return frozenset(word(plugin, "type") for plugin in listed) or None


def _model(scene: Scene, servers: Sequence[tuple[Document, int]], gateway_url: str) -> str:
    seen: list[str] = []
    for pod, port in servers[:_MOST_DIRECT]:
        try:
            answer: Answer = ask(scene, pod, port, "/v1/models")
        except (of_cluster.Failed, GaieError) as error:
            seen.append(str(error))
            continue
        if name := _first(answer.json):
            return name
        seen.append(f"{name_of(pod)}: {answer.short}")
    name, told = _asked_through(gateway_url)
    if name:
        return name
    raise GaieError(
        "nobody tells which models the stack serves",
        hint="name one with --model; gaiectl check --post "
        f"{scene.name} -n {scene.namespace} looks for what is wrong",
        detail="\n".join([*seen, f"through the gateway: {told}"]),
    )


def _asked_through(url: str) -> tuple[str, str]:
    import httpx  # noqa: PLC0415 - see the module's docstring

    try:
        with httpx.stream("GET", f"{url}/v1/models", timeout=_SECONDS, trust_env=False) as given:
            read = bodies.whole(given, most_bytes=_MOST_BYTES, seconds=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, bodies.TooLong) as error:
        return "", str(error)
    answer = Answer(given.status_code, given.headers, read.decode("utf-8", "replace"), 0.0)
    return _first(answer.json), answer.short


def _first(listed: object) -> str:
    """Return the first model of a list that is no adapter of another."""
    models = [one for one in parts(listed, "data") if word(one, "id")]
    models.sort(key=lambda one: bool(at(one, "parent")))
    return "".join(c for c in word(models[0], "id") if c.isprintable())[:200] if models else ""


def _host(address: str) -> str:
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address
