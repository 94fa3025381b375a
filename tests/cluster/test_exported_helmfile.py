"""An exported helmfile in a real API server, carried out by helmfile with each Helm it knows."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from machine.cluster import Cluster
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

STACK = (
    *("inference-scheduling", "llm", "--include-crds"),
    *("--provider", "istio", "--model-server", "builtin"),
)


@pytest.fixture
def gaiectl(helm4: Path) -> Callable[..., str]:
    def run(*words: object) -> str:
        command = [sys.executable, "-m", "gaiectl", *map(str, words)]
        environment = {**os.environ, "GAIECTL_HELM": str(helm4)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_brings_what_install_would_and_takes_all_of_it_away(
    cluster_of_all_kinds: Cluster,
    gaiectl: Callable[..., str],
    helmfile_with_helm: list[object],
    namespace: str,
    tmp_path: Path,
) -> None:
    cluster = cluster_of_all_kinds
    api = Api(connect(Access(kubeconfig=str(cluster.kubeconfig))))
    before = cluster_image(api, namespace)
    gaiectl("export", "helmfile", *STACK, "-n", namespace, "--output-dir", tmp_path)
    program, *options = map(str, helmfile_with_helm)
    helmfile = (Path(program), *options, f"--file={tmp_path / 'helmfile.yaml'}")

    for _ in range(2):  # the second time as an upgrade
        cluster.use(*helmfile, "sync")
        cluster.do("diff", "-f", "-", stdin=gaiectl("render", *STACK, "-n", namespace))

    cluster.use(*helmfile, "destroy")
    kinds = "deployments,replicasets,pods,endpoints,endpointslices"
    everything = (kinds, "--all", "--namespace", namespace)
    cluster.do("wait", "--for=delete", "--timeout=120s", *everything)
    cluster.do("get", "crd", "inferencepools.inference.networking.k8s.io")
    after = cluster_image(api, namespace)
    of_helm4 = f"Namespace /{namespace}"  # gets a label
    assert {**after, of_helm4: ""} == {**before, of_helm4: ""}
