"""Waiting for a Gateway says what keeps it from having an address."""

import time
from collections.abc import Sequence

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.gateways import NAME_LABEL
from gaiectl.documents import Document
from gaiectl.errors import GaieError, TimedOut
from gaiectl.operations.waiting import Patience, Pending, until_ready
from machine.cluster import Cluster

GATEWAY: Document = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "door"},
    "spec": {
        "gatewayClassName": "any",
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
    },
}
SERVICE: Document = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "door-any", "labels": {NAME_LABEL: "door"}},
    "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
}
REFUSED: Document = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "door-any", "labels": {NAME_LABEL: "door"}},
    "spec": {
        "selector": {"matchLabels": {NAME_LABEL: "door"}},
        "template": {
            "metadata": {"labels": {NAME_LABEL: "door"}},
            "spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]},
        },
    },
}


class Silence:
    """Hears what is waited for."""

    def waits(self, pending: Sequence[Pending]) -> None: ...


class Clock:
    """Time that flies.

    Args:
        speed: how many of its seconds pass in a real one.
    """

    def __init__(self, speed: float) -> None:
        self.seconds, self._speed = 0.0, speed

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self._speed)
        self.seconds += seconds


def waited(cluster: Cluster, namespace: str, made: Document, *, speed: float = 100) -> GaieError:
    """Make a Gateway and what a controller makes of it; return why it is not ready."""
    cluster.apply([GATEWAY, made], "-n", namespace)
    api = Api(connect(Access(kubeconfig=str(cluster.kubeconfig))))
    clock = Clock(speed)
    place = {**GATEWAY["metadata"], "namespace": namespace}
    patience = Patience(120, clock=clock.now, sleep=clock.sleep)
    with pytest.raises(GaieError) as caught:
        until_ready(api, [{**GATEWAY, "metadata": place}], patience, Silence())
    return caught.value


def test_a_load_balancer_that_nobody_makes_is_told_with_the_way_to_do_without(
    cluster_of_all_kinds: Cluster, namespace: str
) -> None:
    error = waited(cluster_of_all_kinds, namespace, SERVICE)

    assert not isinstance(error, TimedOut)
    assert error.message == (
        "gateway.gateway.networking.k8s.io/door: its Service door-any waits for the address of a "
        "load balancer, and after 60 s nothing in the cluster has begun to make one"
    )
    assert "--gateway-service ClusterIP" in error.hint


def test_a_load_balancer_of_a_class_of_its_own_is_waited_for(
    cluster_of_all_kinds: Cluster, namespace: str
) -> None:
    spec = {**SERVICE["spec"], "loadBalancerClass": "example.com/slow"}
    error = waited(cluster_of_all_kinds, namespace, {**SERVICE, "spec": spec})

    assert isinstance(error, TimedOut)
    assert "its Service door-any waits for the address of a load balancer" in error.detail


def test_pods_of_a_gateway_that_are_not_admitted_are_what_stands_in_its_way(
    cluster_of_all_kinds: Cluster, restricted_namespace: str
) -> None:
    error = waited(cluster_of_all_kinds, restricted_namespace, REFUSED, speed=2)

    assert "door: deployment.apps/door-any" in error.message
    assert 'violates PodSecurity "restricted' in error.message
