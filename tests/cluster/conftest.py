"""Real clusters for the tests of this folder, a namespace in them for each test.

There is one of each kind for a test run: a control plane, in which objects are what they are, and a
machine, which has a node that runs pods.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gaiectl import crds
from machine import foreign, images, istio_parts, lease, node, programs, python_image
from machine import stack_images as stack_images_of
from machine.cluster import Cluster
from machine.images import Image

# The first run on a computer builds Kubernetes.
_FIRST_RUN_SECONDS = 3600
_HERE = Path(__file__).parent
# What Kubernetes puts into a namespace, by two controllers that do not wait for each other.
_BROUGHT = ("serviceaccount/default", "configmap/kube-root-ca.crt")
_BROUGHT_SECONDS = 120
_RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}{suffix}": value
    for mode in ("enforce", "warn")
    for suffix, value in (("", "restricted"), ("-version", "latest"))
}

NewNamespace = Callable[..., str]


class StackImages(NamedTuple):
    """Names of images that a cluster has.

    Attributes:
        epp: the EPP; the simulator is in it too, as ``python -m gaiectl.simulator``.
        envoy: the proxy beside it.
    """

    epp: str
    envoy: str


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
    with lease.machine(_shared(tmp_path_factory, worker_id)) as path:
        yield path


@pytest.fixture(scope="session")
def node_parts(require: Any) -> None:
    """This computer can have a machine that runs pods."""
    reason = node.lacking()
    try:
        programs.find(*programs.CONTROL_PLANE, *([] if reason else programs.NODE))
    except programs.Missing as error:
        reason = reason or str(error)
    if reason:
        require("cluster", reason)


@pytest.fixture(scope="session")
def machine_kubeconfig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Path]:
    """Of the disposable cluster in GAIECTL_TEST_KUBECONFIG, or of a machine that runs pods."""
    given = os.environ.get("GAIECTL_TEST_KUBECONFIG")
    if given:
        yield Path(given)
        return
    request.getfixturevalue("node_parts")
    with lease.machine(_shared(tmp_path_factory, worker_id), has_node=True) as path:
        yield path


@pytest.fixture(scope="session")
def machine(
    machine_kubeconfig: Path, kubectl: Path, tmp_path_factory: pytest.TempPathFactory
) -> Cluster:
    """A cluster that runs pods."""
    return Cluster(kubectl, machine_kubeconfig, tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(scope="session")
def load_image(
    require: Any, machine_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Image], str]:
    """Give an image to the machine; returns its name.

    A cluster in GAIECTL_TEST_KUBECONFIG is given it by the command in GAIECTL_TEST_LOAD_IMAGE, to
    which the path of an archive is added, for example ``kind load image-archive``.
    """
    given = os.environ.get("GAIECTL_TEST_KUBECONFIG")
    command = os.environ.get("GAIECTL_TEST_LOAD_IMAGE", "").split()
    if given and not command:
        require("cluster", "GAIECTL_TEST_LOAD_IMAGE does not say how images get into the cluster")

    def load(image: Image) -> str:
        archive = tmp_path_factory.mktemp("image") / "archive.tar"
        images.write(image, archive)
        if given:
            subprocess.run([*command, str(archive)], check=True)
        else:
            images.load(archive, node.containerd_socket(machine_kubeconfig.parent))
        archive.unlink()
        return image.name

    return load


@pytest.fixture(scope="session")
def bare_python_image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """An image with Python and nothing else, to be loaded or to put layers on."""
    return python_image.image(
        "localhost/gaiectl-test/python:1", tmp_path_factory.mktemp("python-image")
    )


@pytest.fixture(scope="session")
def python_image_name(bare_python_image: Image, load_image: Callable[[Image], str]) -> str:
    """The name of an image whose containers run ``python3`` with the arguments they get."""
    return load_image(bare_python_image)


@pytest.fixture(scope="session")
def stack_images(
    bare_python_image: Image,
    load_image: Callable[[Image], str],
    machine_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> StackImages:
    """All that a standalone stack runs is on the machine, under the names that charts write."""
    shared = _shared(tmp_path_factory, worker_id)
    made = []
    makers = (lambda folder: stack_images_of.epp(bare_python_image, folder), stack_images_of.envoy)
    for number, make in enumerate(makers):
        # Of this machine: one that begins after the last user of another has none of its images.
        note = shared / f"{machine_kubeconfig.parent.parent.name}-stack-image-{number}"
        with programs.locked(note.with_suffix(".lock")):
            if not note.exists():
                folder = tmp_path_factory.mktemp("stack-image")
                note.write_text(load_image(make(folder)))
                shutil.rmtree(folder)
            made.append(note.read_text())
    return StackImages(*made)


@pytest.fixture(scope="session")
def istio_images(
    require: Any, load_image: Callable[[Image], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The machine has the images of Istio's controller and of its gateways' proxies."""
    folder = tmp_path_factory.mktemp("istio-images")
    try:
        for image in istio_parts.images(folder):
            load_image(image)
    except programs.Missing as error:
        require("cluster", str(error))
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def istio(
    machine: Cluster,
    helm4: Path,
    istio_images: None,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Cluster]:
    """The machine with Istio on it, which knows InferencePools; gone after the test's module.

    A Gateway of class ``istio`` gets a Deployment and a Service, both called ``NAME-istio``, in its
    namespace, which may be of Pod Security ``restricted``. The machine has no load balancer, so let
    the Service be ``ClusterIP``: that is its address in the Gateway's status, and it is reached
    from pods, or by a port-forward to ``deploy/NAME-istio``. With the EPP's image from
    ``stack_images`` all of the path ``inferencepool`` runs.
    """
    del istio_images
    with programs.locked(_shared(tmp_path_factory, worker_id) / "gateways.lock"):
        try:
            istio_parts.install(machine, helm4)
            yield machine
        finally:
            istio_parts.remove(machine, helm4)


def _shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all workers of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which other test runs have nothing.

    Not below ``tmp_path``, because the names of Unix sockets are short.
    """
    with tempfile.TemporaryDirectory(prefix="gaiectl-test-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


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
def new_namespace(bare_cluster: Cluster) -> Iterator[NewNamespace]:
    """Make namespaces that go with the test: ``new_namespace(label=value)``."""
    with _namespaces(bare_cluster) as make:
        yield make


@pytest.fixture(scope="module")
def new_pod_namespace(machine: Cluster) -> Iterator[NewNamespace]:
    """Make namespaces whose pods run; they go with the last test of the module."""
    with _namespaces(machine) as make:
        yield make


@contextlib.contextmanager
def _namespaces(cluster: Cluster) -> Iterator[NewNamespace]:
    made = []

    def make(**labels: str) -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        cluster.apply([namespace])
        made.append(name)
        # Without the account a Pod is refused; with all that comes by itself, what is in the
        # namespace can be compared with what was.
        deadline = time.monotonic() + _BROUGHT_SECONDS
        while (looked := cluster.run("get", *_BROUGHT, "-n", name)).returncode:
            assert time.monotonic() < deadline, looked.stderr
            time.sleep(0.1)
        return name

    try:
        yield make
    finally:
        if made:  # and perhaps deleted by its test
            cluster.do("delete", "namespace", *made, "--ignore-not-found", "--wait=false")


@pytest.fixture
def namespace(new_namespace: NewNamespace) -> str:
    """An empty namespace."""
    return new_namespace()


@pytest.fixture
def restricted_namespace(new_namespace: NewNamespace) -> str:
    """A namespace that admits what the Pod Security Standard "restricted" allows."""
    return new_namespace(**_RESTRICTED)


@pytest.fixture(scope="module")
def pod_namespace(new_pod_namespace: NewNamespace) -> str:
    """A namespace for the pods of a module; "restricted", as clusters of careful people are."""
    return new_pod_namespace(**_RESTRICTED)
