"""Envoy Gateway, by itself and with Envoy AI Gateway, in front of model servers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.cluster.port_forward import forwarded
from gaiectl.documents import Document
from gaiectl.providers.envoy_gateway import GATEWAY_CLASS, PROVIDER
from machine.cluster import Cluster
from machine.envoy_gateway_parts import CONTROLLER, NAMESPACE
from machine.pods import pod, service
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

Said = subprocess.CompletedProcess[str]

MODEL = "served-by-hand"
STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: inferencepool
provider: {name: envoy-gateway, gatewayService: ClusterIP}
modelServer: {kind: builtin, replicas: 2}
"""
PROVEN = {
    *("PRV001", "PRV002", "RTE001", "RTE002", "RTE003", "POL001", "EPP001", "DAT001", "DAT004"),
}
OWNER = "gateway.envoyproxy.io/owning-gateway"


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
    labels = f"-l={OWNER}-name={name},{OWNER}-namespace={namespace}"
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


@pytest.fixture
def gaiectl(envoy_ai_gateway: Cluster, helm4: Path) -> Callable[..., Said]:
    environment = {
        **os.environ,
        "KUBECONFIG": str(envoy_ai_gateway.kubeconfig),
        "GAIECTL_HELM": str(helm4),
    }

    def run(*words: str) -> Said:
        command = [sys.executable, "-m", "gaiectl", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def gateway_class(envoy_ai_gateway: Cluster, kubectl: Path) -> Iterator[None]:
    """The class is made by the command that the provider names."""
    path = f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "KUBECONFIG": str(envoy_ai_gateway.kubeconfig), "PATH": path}
    command = PROVIDER.requirements[-1].commands[0]
    subprocess.run(["bash", "-c", command], env=environment, check=True)
    yield
    envoy_ai_gateway.do("delete", "gatewayclass", GATEWAY_CLASS, "--wait=true")


@pytest.mark.usefixtures("gateway_class", "stack_images")
def test_a_stack_behind_envoy_ai_gateway_serves_and_goes_without_a_trace(
    envoy_ai_gateway: Cluster,
    gaiectl: Callable[..., Said],
    new_pod_namespace: Callable[..., str],
    tmp_path: Path,
) -> None:
    namespace, file = new_pod_namespace(), tmp_path / "gaie.yaml"
    file.write_text(STACK)
    here = ("-n", namespace)
    api = Api(connect(Access(kubeconfig=str(envoy_ai_gateway.kubeconfig))))
    root = ("--for=create", "configmap/kube-root-ca.crt")
    envoy_ai_gateway.do("wait", *root, *here, "--timeout=60s")
    before = cluster_image(api, namespace)

    said = gaiectl("install", "--stack", str(file), *here)
    assert "llm serves " in said.stderr + said.stdout

    checked = json.loads(gaiectl("check", "llm", "--post", *here, "-o", "json").stdout)
    passed = {one["id"] for one in checked["checks"] if one["result"] == "passed"}
    assert passed >= PROVEN
    assert " proxy " in gaiectl("status", "llm", *here).stdout
    tested = json.loads(gaiectl("test", "llm", *here, "-o", "json").stdout)
    results = {one["id"]: one["result"] for one in tested["checks"]}
    assert (tested["success"], results["prefix-affinity"]) == (True, "passed")

    gaiectl("cleanup", "llm", *here, "-y")
    assert cluster_image(api, namespace) == before
    made = f"-l={OWNER}-namespace={namespace}"
    gone = ("--for=delete", "deployment,service", made, "-n", NAMESPACE, "--timeout=60s")
    envoy_ai_gateway.do("wait", *gone)
