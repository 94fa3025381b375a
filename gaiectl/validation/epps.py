"""The Endpoint Pickers of a rendering and what their flags say; names and defaults are GAIE's."""

from collections.abc import Iterator
from typing import NamedTuple

from gaiectl.validation.fields import Object, at, name_of, namespace_of, pairs, parts, whole, word
from gaiectl.validation.stream import Pods, Stream

GRPC_PORT = 9002


class Epp(NamedTuple):
    """One Endpoint Picker.

    Attributes:
        pods: that it runs in.
        container: of those pods.
        flags: without dashes; a flag without a value is ``true``.
    """

    pods: Pods
    container: Object
    flags: dict[str, str]

    def __str__(self) -> str:
        return f"{self.pods}: container {word(self.container, 'name')}"

    @property
    def grpc_port(self) -> int:
        """Where it listens for the gateway; 0 when that is no number."""
        text = self.flags.get("grpc-port", str(GRPC_PORT))
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def pool_namespace(self) -> str:
        """Where its pool or, without one, its endpoints are."""
        return self.flags.get("pool-namespace") or self.pods.namespace


class Selection(NamedTuple):
    """Which pods are endpoints, and on which ports they serve.

    Attributes:
        source: what says so, as messages call it: a pool, or an EPP's flags.
        namespace: of the pods.
        labels: that the pods carry.
        ports: that each pod serves on.
        values: the user's values behind the labels, and behind the ports.
    """

    source: str
    namespace: str
    labels: dict[str, str]
    ports: tuple[int, ...]
    values: tuple[str, str]


def epps(stream: Stream) -> Iterator[Epp]:
    """Yield the Endpoint Pickers: containers that are told where their endpoints come from."""
    for pods in stream.pods:
        for container in parts(pods.spec, "containers"):
            flags = flags_of(container)
            if flags.keys() & {"pool-name", "endpoint-selector"}:
                yield Epp(pods, container, flags)


def flags_of(container: Object) -> dict[str, str]:
    """Return the flags of a container's command line, read as pflag reads them."""
    flags: dict[str, str] = {}
    last = ""
    for field in ("command", "args"):
        words = at(container, field)
        for argument in words if isinstance(words, list) else ():
            text = str(argument)
            if text.startswith("-") and text.strip("-"):
                name, equals, value = text.lstrip("-").partition("=")
                flags[name] = value if equals else "true"
                last = "" if equals else name
            elif last:
                flags[last], last = text, ""
    return flags


def picker_of(pool: Object) -> tuple[str, str, int]:
    """Return the path of a pool's reference to its EPP, the name of its Service and the port.

    The name is empty when the reference is to something else.
    """
    if at(pool, "spec", "extensionRef") is not None:
        port = whole(pool, "spec", "extensionRef", "portNumber") or GRPC_PORT
        return "spec.extensionRef.portNumber", word(pool, "spec", "extensionRef", "name"), port
    port = whole(pool, "spec", "endpointPickerRef", "port", "number") or 0
    is_service = word(pool, "spec", "endpointPickerRef", "kind", default="Service") == "Service"
    name = word(pool, "spec", "endpointPickerRef", "name") if is_service else ""
    return "spec.endpointPickerRef.port.number", name, port


def ports_of(pool: Object) -> tuple[int, ...]:
    """Return the ports that a pool's model servers serve on; v1 has several, v1alpha2 has one."""
    ports = [whole(port, "number") for port in parts(pool, "spec", "targetPorts")]
    return tuple(port for port in (*ports, whole(pool, "spec", "targetPortNumber")) if port)


def selections(stream: Stream) -> Iterator[Selection]:
    """Yield what the pools of a rendering select, and the EPPs that have no pool."""
    for pool in stream.of("InferencePool"):
        is_early = at(pool, "spec", "selector", "matchLabels") is None
        yield Selection(
            source=f"InferencePool {namespace_of(pool)}/{name_of(pool)}",
            namespace=namespace_of(pool),
            labels=pairs(pool, "spec", "selector", *(() if is_early else ("matchLabels",))),
            ports=ports_of(pool),
            values=("inferencePool.modelServers.matchLabels", "inferencePool.targetPorts"),
        )
    for epp in epps(stream):
        if labels := _equalities(epp.flags.get("endpoint-selector", "")):
            ports = epp.flags.get("endpoint-target-ports", "").split(",")
            yield Selection(
                source=f"--endpoint-selector of {epp.pods}",
                namespace=epp.pods.namespace,
                labels=labels,
                ports=tuple(int(port) for port in ports if port.isascii() and port.isdigit()),
                values=(
                    "inferenceExtension.endpointsServer.endpointSelector",
                    "inferenceExtension.endpointsServer.targetPorts",
                ),
            )


def _equalities(selector: str) -> dict[str, str]:
    """Return the labels of a selector; empty when it says more than equality."""
    labels: dict[str, str] = {}
    for term in selector.split(","):
        key, equals, value = term.partition("=")
        value = value.removeprefix("=")
        if not equals or key.endswith("!") or set(term) & set("() "):
            return {}
        labels[key.strip()] = value.strip()
    return labels
