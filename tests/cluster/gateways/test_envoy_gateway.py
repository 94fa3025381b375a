"""Envoy Gateway, by itself and with Envoy AI Gateway, in front of model servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.port_forward import forwarded
from gaiectl.documents import Document
from machine.cluster import Cluster
from machine.envoy_gateway_parts import CONTROLLER, NAMESPACE
from machine.pods import pod, service

pytestmark = pytest.mark.long

MODEL = "served-by-hand"


def server(image: str) -> Document:
    """A Pod that simulates a model server."""
    ready = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1}
    words = ["--host", "0.0.0.0", "--model", MODEL]
    command = ["python", "-m", "gaiectl.simulator"]
    return pod("server", image, words, command=command, readinessProbe=ready)


def gateway(name: str) -> list[Document]:
    """A Gateway of a class of its own, and a route from it to the Service "server"."""
    api = "gateway.networking.k8s.io/v1"
    return [
        {
            "apiVersion": api,
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": CONTROLLER},
        },
        {
            "apiVersion": api,
            "kind": "Gateway",
            "metadata": {"name": name},
            "spec": {
                "gatewayClassName": name,
                "listeners": [{"name": "http", "protocol": "HTTP", "port": 8080}],
            },
        },
        {
            "apiVersion": api,
            "kind": "HTTPRoute",
            "metadata": {"name": name},
            "spec": {
                "parentRefs": [{"name": name}],
                "rules": [{"backendRefs": [{"name": "server", "port": 80}]}],
            },
        },
    ]


@contextmanager
def way_to(machine: Cluster, namespace: str, name: str, port: int) -> Iterator[httpx.Client]:
    """Ask the proxy of a Gateway."""
    owner = "gateway.envoyproxy.io/owning-gateway"
    labels = f"-l={owner}-name={name},{owner}-namespace={namespace}"
    machine.do("wait", "--for=condition=Ready", "pod", labels, "-n", NAMESPACE, "--timeout=120s")
    pod_name = machine.do("get", "pod", labels, "-n", NAMESPACE, "-o=name").strip()
    connection = connect(Access(kubeconfig=str(machine.kubeconfig)))
    with (
        forwarded(connection, NAMESPACE, pod_name.rpartition("/")[2], port) as forward,
        httpx.Client(
            base_url=f"http://127.0.0.1:{forward.local_port}", trust_env=False, timeout=30
        ) as client,
    ):
        yield client


def test_a_route_of_envoy_gateway_leads_to_a_service(
    envoy_gateway: Cluster, pod_namespace: str, stack_images: Any
) -> None:
    machine, name, place = envoy_gateway, f"class-of-{pod_namespace}", ("-n", pod_namespace)
    objects = [server(stack_images.epp), service("server", 80, 8000), *gateway(name)]
    machine.apply(objects, *place)
    try:
        for kind in ("gatewayclass", "gateway"):
            state = "Accepted" if kind == "gatewayclass" else "Programmed"
            machine.do("wait", f"--for=condition={state}", kind, name, *place, "--timeout=120s")
        machine.do("wait", "--for=condition=Ready", "pod/server", *place, "--timeout=120s")
        with way_to(machine, pod_namespace, name, 8080) as client:
            answer = client.post("/v1/completions", json={"model": MODEL, "prompt": "Hello"})
    finally:
        machine.do("delete", "gateway,httproute", name, *place, "--wait=true")
        machine.do("delete", "gatewayclass", name, "--wait=true")

    assert (answer.status_code, answer.json()["model"]) == (200, MODEL)
