"""The well-lit path behind Istio: two deployments in a namespace, from nothing and back to it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from machine import istio_parts
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: inference-scheduling
name: {name}
profile: {profile}
provider: {{name: istio}}
modelServer: {{kind: builtin, replicas: 2, model: some/{name}}}
"""
_SCORER = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: prefix-cache-scorer}, {type: max-score-picker}]
schedulingProfiles:
- {name: default, plugins: [{pluginRef: prefix-cache-scorer}, {pluginRef: max-score-picker}]}
"""
_PROVEN = {
    *("PRV001", "PRV002", "RTE001", "RTE002", "RTE003", "POL001", "EPP001", "DAT001", "DAT004"),
}
_CONDITIONS = {
    "gateway": ("infra-{}-inference-gateway", "{.status.conditions[*]['type','status']}"),
    "httproute": ("gaie-{}", "{.status.parents[*].conditions[*]['type','status']}"),
    "inferencepool": ("gaie-{}", "{.status.parents[*].conditions[*]['type','status']}"),
}


@pytest.fixture
def gaiectl(istio: Cluster, helm4: Path, stack_images: Any) -> Gaiectl:
    del stack_images
    return Gaiectl(istio, helm4)


def test_two_well_lit_deployments_keep_to_themselves_and_go_without_a_trace(
    istio: Cluster, gaiectl: Gaiectl, pod_namespace: str, tmp_path: Path
) -> None:
    here = ("-n", pod_namespace)
    api = Api(connect(Access(kubeconfig=str(istio.kubeconfig))))
    for brought in istio_parts.BROUGHT:
        istio.do("wait", "--for=create", f"configmap/{brought}", *here, "--timeout=180s")
    before = cluster_image(api, pod_namespace)

    for name, profile in (("one", "wlp"), ("two", "precise")):
        file = tmp_path / f"{name}.yaml"
        file.write_text(_STACK.format(name=name, profile=profile))
        said = gaiectl("install", "--stack", str(file), "--include-crds", *here)
        # P39: nobody reads PodMonitors here. P2, P47: each has its own route, pool and pods.
        assert f"ms-{name}-llm-d-modelservice-decode-podmonitor is left out" in said.stderr
        assert f"serves some/{name}: ms-{name}-" in said.stderr
        for kind, (called, path) in _CONDITIONS.items():
            told = istio.do("get", kind, called.format(name), *here, "-o", f"jsonpath={path}")
            assert "True" in told
            assert "False" not in told, (kind, told)
    checked = json.loads(gaiectl("check", "one", "--post", *here, "-o", "json").stdout)
    assert {one["id"] for one in checked["checks"] if one["result"] == "passed"} >= _PROVEN
    tested = json.loads(gaiectl("test", "one", *here, "-o", "json").stdout)
    assert tested["success"], tested
    # P7: what is called precise hears of the caches, and finds prompts there.
    words = ("--check", "kv-events", "--check", "prefix-affinity", "-o", "json")
    precise = json.loads(gaiectl("test", "two", *here, *words).stdout)
    assert {one["result"] for one in precise["checks"]} == {"passed"}, precise
    pods = {one["name"] for one in _status(gaiectl, "one", *here)["pods"]}
    assert pods
    assert not any("-two-" in pod for pod in pods)

    # P45: an EPP reads its configuration once, so that another one needs new pods.
    scorer = tmp_path / "scorer.yaml"
    scorer.write_text(_SCORER)
    gaiectl("upgrade", "one", *here, "--epp-config", str(scorer))
    now = _status(gaiectl, "one", *here)["pods"]
    after = {one["name"] for one in now if one["message"] != "it is being deleted"}
    assert {pod for pod in pods ^ after if "epp" not in pod} == set()
    assert len(pods ^ after) == 2
    gaiectl("rollback", "one", *here)

    gaiectl("cleanup", "one", *here, "-y")
    assert _status(gaiectl, "two", *here)["pods"]
    gaiectl("cleanup", "two", *here, "-y")
    assert cluster_image(api, pod_namespace) == before


def _status(gaiectl: Gaiectl, *words: str) -> dict[str, Any]:
    (found,) = json.loads(gaiectl("status", *words, "-o", "json").stdout)["items"]
    return dict(found)
