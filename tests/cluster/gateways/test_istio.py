"""A stack of the path ``inferencepool`` behind Istio, from its installation to its removal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from machine import istio_parts
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.load import load
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

_MODEL = "some/model"
_STACK = f"""\
apiVersion: gaiectl/v1
kind: Stack
path: inferencepool
provider: {{name: istio, gatewayService: ClusterIP}}
modelServer:
  kind: builtin
  replicas: 2
  model: {_MODEL}
  arguments: [--time-to-first-token=50ms, --inter-token-latency=10ms]
"""
_SCORER = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: max-score-picker}]
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker}]}
"""
_GATEWAY = "llm-inference-gateway"
_PROVEN = {
    *("PRV001", "PRV002", "RTE001", "RTE002", "RTE003", "POL001", "EPP001", "DAT001", "DAT004"),
}


@pytest.fixture
def gaiectl(istio: Cluster, helm4: Path) -> Gaiectl:
    return Gaiectl(istio, helm4)


def test_a_stack_behind_istio_serves_through_every_change_and_goes_without_a_trace(  # noqa: PLR0917 - fixtures
    istio: Cluster,
    gaiectl: Gaiectl,
    new_pod_namespace: Callable[..., str],
    pod_namespace: str,
    stack_images: Any,
    tmp_path: Path,
) -> None:
    file, scorer = tmp_path / "gaie.yaml", tmp_path / "scorer.yaml"
    file.write_text(_STACK)
    scorer.write_text(_SCORER)
    api = Api(connect(Access(kubeconfig=str(istio.kubeconfig))))
    clients_live, here = new_pod_namespace(), ("-n", pod_namespace)
    for brought in istio_parts.BROUGHT:
        istio.do("wait", "--for=create", f"configmap/{brought}", *here, "--timeout=180s")
    before = cluster_image(api, pod_namespace)

    said = gaiectl("install", "--stack", str(file), "--include-crds", *here)
    assert f"llm serves {_MODEL}" in said.stderr

    checked = json.loads(gaiectl("check", "llm", "--post", *here, "-o", "json").stdout)
    passed = {one["id"] for one in checked["checks"] if one["result"] == "passed"}
    assert passed >= _PROVEN
    tested = json.loads(gaiectl("test", "llm", *here, "-o", "json").stdout)
    results = {one["id"]: one["result"] for one in tested["checks"]}
    assert (tested["success"], results["prefix-affinity"]) == (True, "passed")

    url = f"http://{_GATEWAY}-istio.{pod_namespace}:80"
    with load(istio, clients_live, stack_images.epp, url, _MODEL) as clients:
        clients.go_on()
        gaiectl("upgrade", "llm", *here, "--epp-config", str(scorer))
        clients.go_on()
        gaiectl("rollback", "llm", *here)
        clients.go_on()
        seen = clients.end()
    assert (seen.failures, seen.failed) == ([], 0)
    assert seen.streamed > 0

    gaiectl("cleanup", "llm", *here, "-y")
    assert cluster_image(api, pod_namespace) == before
