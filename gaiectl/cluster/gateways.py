"""What controllers make of a Gateway: pods and a Service with its name as a label. Pure.

The label is that of GEP-1762; Envoy Gateway has its own. How many ports a Service has, and where
they lead, is the controller's affair.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gaiectl.documents import Document
from gaiectl.validation.fields import parts, whole, word

GROUP = "gateway.networking.k8s.io"
NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
"""Label of all that is made for a Gateway; its value is the Gateway's name."""

ENVOY_GATEWAY = "envoy-gateway-system"
"""Namespace that Envoy Gateway is installed into; it makes the pods of all Gateways there, with
labels of its own."""


class Place(NamedTuple):
    """Where a controller may have made the pods and the Service of a Gateway.

    Attributes:
        namespace: theirs.
        labels: that they have.
    """

    namespace: str
    labels: Mapping[str, str]

    @property
    def selector(self) -> str:
        """The labels as the API server takes them."""
        return ",".join(f"{key}={value}" for key, value in self.labels.items())


def places(namespace: str, name: str) -> tuple[Place, ...]:
    """Return where what is made for a Gateway may be: the likeliest first."""
    owner = "gateway.envoyproxy.io/owning-gateway"
    labels = {f"{owner}-namespace": namespace, f"{owner}-name": name}
    return Place(namespace, {NAME_LABEL: name}), Place(ENVOY_GATEWAY, labels)


def container_port(services: Iterable[Document], pod: Document, number: int) -> int:
    """Return where a pod of a Gateway takes what clients send to port ``number`` of its Services.

    Without a Service that says so it is the same port.
    """
    for service in services:
        for port in parts(service, "spec", "ports"):
            if whole(port, "port") == number:
                name = word(port, "targetPort")
                return (_named(pod, name) if name else whole(port, "targetPort")) or number
    return number


def lacks_balancer(service: Document, events: Collection[Document]) -> bool:
    """Tell whether a Service waits for a load balancer, and nobody gives a sign of working on it.

    Whoever does writes an event (Kubernetes' service controller and what is built with it) or a
    condition (Cilium), or was asked for by its class.

    Args:
        service: as it is in the cluster.
        events: those about it.
    """
    if not awaits_address(service) or word(service, "spec", "loadBalancerClass"):
        return False
    return not (events or parts(service, "status", "conditions"))


def awaits_address(service: Document) -> bool:
    """Tell whether a Service has no load balancer yet, though it is to have one."""
    is_balanced = word(service, "spec", "type") == "LoadBalancer"
    return is_balanced and not parts(service, "status", "loadBalancer", "ingress")


def _named(pod: Document, name: str) -> int | None:
    for container in parts(pod, "spec", "containers"):
        for port in parts(container, "ports"):
            if word(port, "name") == name:
                return whole(port, "containerPort")
    return None
