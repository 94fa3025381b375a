"""Model servers that span several pods, on a cluster with the controller of LeaderWorkerSets."""

import json
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: inference-scheduling
profile: wide-ep
name: wide
provider: {name: none}
modelServer: {kind: builtin, replicas: 1, arguments: [%s]}
values:
  ms: {multinode: true, decode: {parallelism: {workers: 2}}}
"""
_DECODE = "ms-wide-llm-d-modelservice-decode"
_PREFILL = "ms-wide-llm-d-modelservice-prefill"


@pytest.fixture
def gaiectl(leader_worker_sets: Cluster, helm4: Path, stack_images: Any) -> Gaiectl:
    del stack_images
    return Gaiectl(leader_worker_sets, helm4)


def test_a_group_of_pods_that_fails_is_told_of_and_one_that_serves_together_comes_and_goes(
    leader_worker_sets: Cluster,
    gaiectl: Gaiectl,
    pod_namespace: str,
    tmp_path: Path,
) -> None:
    here = ("-n", pod_namespace)
    api = Api(connect(Access(kubeconfig=str(leader_worker_sets.kubeconfig))))
    before = cluster_image(api, pod_namespace)

    file = tmp_path / "gaie.yaml"
    asked = ("install", "--stack", str(file), *here, "--include-crds")
    file.write_text(_STACK % "--no-such-flag")
    failed = gaiectl.ended(*asked)
    assert failed.returncode == 1
    # Their controller deletes pods that restart, so that none is seen to crash again and again.
    assert "container simulator ended with exit code 2; its group was made again" in failed.stderr
    assert "unknown flag --no-such-flag" in failed.stderr

    file.write_text(_STACK % "")
    gaiectl(*asked)
    told = gaiectl("status", "wide", *here, "-o", "json")
    (status,) = json.loads(told.stdout)["items"]
    serving = {one["name"]: one for one in status["pods"] if one["component"] == "model"}
    assert set(serving) == {f"{_DECODE}-0", f"{_DECODE}-0-1", f"{_PREFILL}-0"}
    assert all(one["isReady"] for one in serving.values())
    assert status["isHealthy"], status["problems"]

    gaiectl("cleanup", "wide", *here, "-y")
    assert cluster_image(api, pod_namespace) == before
