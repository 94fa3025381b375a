"""A real cluster for the tests of this folder: one for a test run, a namespace for each test."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaiectl import crds
from machine import foreign, programs
from machine.cluster import Cluster
from machine.lease import machine

# The first run on a computer builds Kubernetes.
_FIRST_RUN_SECONDS = 3600
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(_FIRST_RUN_SECONDS))
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def kubeconfig(
    require: Any, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Path]:
    """Of the disposable cluster in GAIECTL_TEST_KUBECONFIG, or of a machine of our own."""
    given = os.environ.get("GAIECTL_TEST_KUBECONFIG")
    if given:
        yield Path(given)
        return
    try:
        programs.find(*programs.CONTROL_PLANE)
    except programs.Missing as error:
        require("apiserver", str(error))
    base = tmp_path_factory.getbasetemp()
    with machine(base if worker_id == "master" else base.parent) as path:
        yield path


@pytest.fixture(scope="session")
def bare_cluster(
    kubeconfig: Path, kubectl: Path, tmp_path_factory: pytest.TempPathFactory
) -> Cluster:
    """A cluster as it is, perhaps without our CRDs."""
    return Cluster(kubectl, kubeconfig, tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(scope="session")
def cluster(bare_cluster: Cluster) -> Cluster:
    """A cluster that knows the Inference APIs."""
    bare_cluster.define(crds.crds())
    return bare_cluster


@pytest.fixture(scope="session")
def cluster_of_all_kinds(cluster: Cluster, require: Any) -> Cluster:
    """A cluster that knows every kind that we render."""
    try:
        definitions = list(foreign.definitions())
    except programs.Missing as error:
        require("apiserver", str(error))
        raise
    cluster.define(definitions)
    return cluster


@pytest.fixture
def new_namespace(bare_cluster: Cluster) -> Iterator[Callable[..., str]]:
    """Make namespaces that go with the test: ``new_namespace(label=value)``."""
    made = []

    def make(**labels: str) -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        bare_cluster.apply([namespace])
        made.append(name)
        # A Pod is refused as long as its namespace has no account to run it under.
        bare_cluster.do(
            *("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s")
        )
        return name

    yield make
    if made:
        bare_cluster.do("delete", "namespace", *made, "--wait=false")


@pytest.fixture
def namespace(new_namespace: Callable[..., str]) -> str:
    """An empty namespace."""
    return new_namespace()


@pytest.fixture
def restricted_namespace(new_namespace: Callable[..., str]) -> str:
    """A namespace that admits what the Pod Security Standard "restricted" allows."""
    labels = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "warn")
        for suffix, value in (("", "restricted"), ("-version", "latest"))
    }
    return new_namespace(**labels)
