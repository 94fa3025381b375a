"""Envoy Gateway with Envoy AI Gateway in front of model servers."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.providers.envoy_gateway import GATEWAY_CLASS, PROVIDER
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.envoy_gateway_parts import NAMESPACE
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

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


@pytest.fixture
def gaiectl(envoy_ai_gateway: Cluster, helm4: Path) -> Gaiectl:
    return Gaiectl(envoy_ai_gateway, helm4)


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
    gaiectl: Gaiectl,
    new_pod_namespace: Callable[..., str],
    tmp_path: Path,
) -> None:
    namespace, file = new_pod_namespace(), tmp_path / "gaie.yaml"
    file.write_text(STACK)
    here = ("-n", namespace)
    api = Api(connect(Access(kubeconfig=str(envoy_ai_gateway.kubeconfig))))
    root = ("--for=create", "configmap/kube-root-ca.crt")
    envoy_ai_gateway.do("wait", *root, *here, "--timeout=180s")
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
    gone = ("--for=delete", "deployment,service", made, "-n", NAMESPACE, "--timeout=180s")
    envoy_ai_gateway.do("wait", *gone)
