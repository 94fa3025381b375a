"""Controllers on the machine that runs pods, for a test's module at a time.

Controllers of the Gateway API and their CRDs are for a whole cluster, so modules that need them
take turns.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gaiectl import crds
from machine import envoy_gateway_parts, leader_worker_set_parts, programs
from machine.cluster import Cluster
from machine.images import Image

Made = Callable[[Path], Iterator[Image]]
Load = Callable[[Made], None]
Install = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture(scope="session")
def load_images(
    require: Any, load_image: Callable[[Image], str], tmp_path_factory: pytest.TempPathFactory
) -> Load:
    """Give images to the machine, which are built if the cache lacks what is in them."""

    def load(make: Made) -> None:
        folder = tmp_path_factory.mktemp("gateway-images")
        try:
            for image in make(folder):
                load_image(image)
        except programs.Missing as error:
            require("cluster", str(error))
        shutil.rmtree(folder)

    return load


@pytest.fixture(scope="session")
def gateways_lock(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What whoever has a controller of the Gateway API on the machine holds."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "gateways.lock"


@pytest.fixture(scope="session")
def install_envoy_gateway(
    machine: Cluster,
    helm4: Path,
    stack_images: Any,
    gateways_lock: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Install:
    """A context with Envoy Gateway on the machine; ``with_ai``: and Envoy AI Gateway."""

    @contextmanager
    def install(*, with_ai: bool) -> Iterator[Cluster]:
        folder = tmp_path_factory.mktemp("envoy-gateway")
        proxy = stack_images.envoy
        with programs.locked(gateways_lock):
            try:
                envoy_gateway_parts.install(machine, helm4, folder, proxy=proxy, with_ai=with_ai)
                yield machine
            finally:
                envoy_gateway_parts.remove(machine, helm4)

    return install


@pytest.fixture(scope="module")
def envoy_gateway(load_images: Load, install_envoy_gateway: Install) -> Iterator[Cluster]:
    """The machine with Envoy Gateway, which allows EnvoyPatchPolicies and Backends.

    It serves classes of ``gateway.envoyproxy.io/gatewayclass-controller``; there is none yet. A
    Gateway gets a Deployment and a Service in ``envoy_gateway_parts.NAMESPACE``, both labelled with
    ``gateway.envoyproxy.io/owning-gateway-name`` and ``-namespace``. The Service is ``ClusterIP``,
    for the machine has no load balancer: that is its address in the Gateway's status.
    """
    load_images(envoy_gateway_parts.images)
    with install_envoy_gateway(with_ai=False) as machine:
        yield machine


@pytest.fixture(scope="module")
def envoy_ai_gateway(
    machine: Cluster, load_images: Load, install_envoy_gateway: Install
) -> Iterator[Cluster]:
    """As ``envoy_gateway``, with Envoy AI Gateway beside it; it knows the Inference APIs."""
    load_images(envoy_gateway_parts.images)
    load_images(envoy_gateway_parts.ai_images)
    machine.define(crds.crds())
    with install_envoy_gateway(with_ai=True):
        yield machine


@pytest.fixture(scope="module")
def leader_worker_sets(
    machine: Cluster, helm4: Path, load_images: Load, gateways_lock: Path
) -> Iterator[Cluster]:
    """The machine with the controller of LeaderWorkerSets and their CRD; gone after the module."""
    load_images(leader_worker_set_parts.image)
    with programs.locked(gateways_lock.with_name("leader-worker-sets.lock")):
        try:
            leader_worker_set_parts.install(machine, helm4)
            yield machine
        finally:
            leader_worker_set_parts.remove(machine, helm4)
