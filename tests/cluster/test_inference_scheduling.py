"""The well-lit path in a cluster without pods: what it needs, keeps, and is killed at."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gaiectl.cluster import applyset
from gaiectl.cluster.api import Cluster as Api
from gaiectl.cluster.connection import Access, connect
from gaiectl.documents import Identity, load
from gaiectl.operations.install import Wanted, install
from machine.cluster import Cluster
from machine.command import Gaiectl
from machine.mortal import Silent, mortal_in
from machine.snapshot import cluster_image

pytestmark = pytest.mark.long

_STACK = """\
apiVersion: gaiectl/v1
kind: Stack
path: inference-scheduling
name: wlp
modelServer:
  kind: gpu
  cache: {{create: true, storageClass: {storage_class}}}
"""


@pytest.fixture
def gaiectl(cluster_of_all_kinds: Cluster, helm4: Path) -> Gaiectl:
    return Gaiectl(cluster_of_all_kinds, helm4, NO_COLOR="1")


def test_a_token_and_a_storage_class_are_asked_for_first_and_the_weights_outlive_the_stack(
    cluster_of_all_kinds: Cluster, gaiectl: Gaiectl, namespace: str, tmp_path: Path
) -> None:
    here = ("-n", namespace)
    api = Api(connect(Access(kubeconfig=str(cluster_of_all_kinds.kubeconfig))))
    before = cluster_image(api, namespace)
    file = tmp_path / "gaie.yaml"
    file.write_text(_STACK.format(storage_class=f"fast-{namespace}"))
    asked = ("install", "--stack", str(file), *here, "--timeout", "0")

    refused = gaiectl.ended(*asked)
    assert refused.returncode == 1
    assert f"there is no Secret {namespace}/llm-d-hf-token" in refused.stderr
    assert f"wants the storage class fast-{namespace}" in refused.stderr
    assert cluster_image(api, namespace) == before

    documents = load(gaiectl("render", "--stack", str(file), *here).stdout)
    silent: Any = Silent()
    claim = Identity("", "PersistentVolumeClaim", namespace, "wlp-model-storage")
    uids = []
    for _ in range(2):
        install(api, Wanted("wlp", namespace, "inference-scheduling", documents), silent)
        found = api.get(claim)
        assert found
        uids.append(found["metadata"]["uid"])
        gone = gaiectl("cleanup", "wlp", *here, "-y")
        assert "data: --delete-data removes it" in gone.stdout + gone.stderr
    assert uids[0] == uids[1]
    gaiectl("cleanup", "wlp", *here, "-y", "--delete-data")
    assert cluster_image(api, namespace) == before


def test_wherever_it_is_killed_it_can_be_repeated_and_cleaned_up(
    cluster_of_all_kinds: Cluster, gaiectl: Gaiectl, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = cluster_of_all_kinds.kubeconfig
    api = Api(connect(Access(kubeconfig=str(kubeconfig))))
    rendered = gaiectl("render", "inference-scheduling", "llm", "-n", namespace)
    documents = tmp_path / "documents"
    documents.write_text(json.dumps(load(rendered.stdout)))
    asked = {"namespace": namespace, "documents": str(documents)}
    before = cluster_image(api, namespace)
    with mortal_in(kubeconfig) as do:
        for writes in count(2, 3):
            killed = do("install", writes=writes, **asked)["killed"]
            if killed and writes % 2:
                do("install", **asked)
                assert applyset.read(api, "llm", namespace).is_complete
            do("cleanup", **asked)
            assert cluster_image(api, namespace) == before, writes
            if not killed:
                break
    assert writes > 15  # as many as there are objects, and those around them
