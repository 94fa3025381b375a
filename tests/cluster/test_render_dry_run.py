"""Whatever ``gaiectl render`` prints, a real API server takes without a warning.

Also into a namespace that enforces the Pod Security Standard "restricted".
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from gaiectl import crds
from gaiectl.documents import Document, load
from machine.cluster import Cluster

GOLDEN = Path(__file__).parents[1] / "golden/charts"
CHARTS = ("standalone", "inferencepool")
PROVIDERS = ("none", "istio", "gke", "kgateway", "agentgateway", "envoy-gateway", "nginx")
SERVERS = ("none", "gpu", "cpu", "sim", "builtin", "sglang", "triton")
PICKERS = ("python", "go")

FEATURES = (
    "inferenceExtension.replicas=3",
    "inferenceExtension.monitoring.prometheus.enabled=true",
    "inferenceExtension.tracing.enabled=true",
    "inferenceExtension.networkPolicy.enabled=true",
    "inferenceExtension.latencyPredictor.enabled=true",
)
"""Values of both charts that bring objects or containers."""

POOL_FEATURES = (*FEATURES, "experimentalHttpRoute.enabled=true", "jaeger.enabled=true")

BROUGHT = {"PodDisruptionBudget", "ServiceMonitor", "NetworkPolicy", "InferencePool"}

OF_ITSELF = {
    "gateway": {
        *("ConfigMap", "Telemetry", "DestinationRule", "ReferenceGrant", "Ingress"),
        *("GatewayParameters", "AgentgatewayParameters"),
    },
    "modelservice": {
        *("Deployment", "LeaderWorkerSet", "ServiceAccount", "PodMonitor"),
        *("ResourceClaimTemplate", "PersistentVolumeClaim"),
    },
}
"""Charts that need no stack around them, and kinds that they render in golden cases."""

CASES: dict[str, tuple[str, str, tuple[str, ...], set[str]]] = {
    "standalone": ("standalone", "none", FEATURES, BROUGHT),
    "inferencepool": ("inferencepool", "none", POOL_FEATURES, {*BROUGHT, "HTTPRoute"}),
    "inferencepool for Istio": (
        "inferencepool",
        "istio",
        POOL_FEATURES,
        {*BROUGHT, "HTTPRoute", "DestinationRule"},
    ),
    "inferencepool for GKE": (
        "inferencepool",
        "gke",
        POOL_FEATURES,
        {*BROUGHT, "HTTPRoute", "HealthCheckPolicy", "GCPBackendPolicy", "PodMonitoring"}
        - {"ServiceMonitor"},
    ),
}
"""Chart, provider, values, and kinds that must be among what is rendered."""


@pytest.fixture(scope="session")
def environment(helm4: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What gaiectl finds: a Helm, and no configuration."""
    return {
        **os.environ,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": f"{helm4.parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }


def _render_all(environment: dict[str, str], commands: Iterable[list[str]]) -> list[Document]:
    """Return the documents of many stacks."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rendered = pool.map(lambda arguments: _render(environment, *arguments), commands)
        return [document for documents in rendered for document in documents]


def _render(environment: dict[str, str], *arguments: str) -> list[Document]:
    done = subprocess.run(
        [sys.executable, "-m", "gaiectl", "render", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return load(done.stdout)


def _stack(namespace: str, chart: str, provider: str, server: str, picker: str) -> list[str]:
    return [
        # An objection names the object, and so the stack.
        *(chart, f"{provider}-{server}-{picker}", f"--namespace={namespace}"),
        *(f"--provider={provider}", f"--model-server={server}", f"--epp={picker}"),
        *(["--selector=app=model"] if server == "none" else []),
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stack_of_any_two_parts_is_taken(
    cluster_of_all_kinds: Cluster,
    restricted_namespace: str,
    environment: dict[str, str],
    provider: str,
) -> None:
    place = PROVIDERS.index(provider)
    stacks = [
        (CHARTS[(place + n) % 2], provider, server, PICKERS[(place // 2 + n // 2) % 2])
        for n, server in enumerate(SERVERS)
    ]
    documents = _render_all(environment, [_stack(restricted_namespace, *stack) for stack in stacks])

    assert {(chart, picker) for chart, _, _, picker in stacks} == set(product(CHARTS, PICKERS))
    assert cluster_of_all_kinds.dry_run(documents, restricted_namespace) == []


@pytest.mark.long
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("chart", CHARTS)
def test_every_stack_is_taken(
    cluster_of_all_kinds: Cluster,
    restricted_namespace: str,
    environment: dict[str, str],
    chart: str,
    provider: str,
) -> None:
    stacks = product([chart], [provider], SERVERS, PICKERS)
    documents = _render_all(environment, [_stack(restricted_namespace, *stack) for stack in stacks])

    assert cluster_of_all_kinds.dry_run(documents, restricted_namespace) == []


@pytest.mark.parametrize("proxy", ["envoy", "agentgateway"])
def test_a_stack_without_inference_apis_is_taken(
    bare_cluster: Cluster, restricted_namespace: str, environment: dict[str, str], proxy: str
) -> None:
    documents = _render(
        environment,
        *("standalone", f"--namespace={restricted_namespace}"),
        *("--api=flags", "--epp=python", "--model-server=sim"),
        f"--set=inferenceExtension.sidecar.proxyType={proxy}",
    )

    assert bare_cluster.dry_run(documents, restricted_namespace) == []
    assert not [document for document in documents if "inference" in document["apiVersion"]]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_stack_with_every_feature_is_taken(
    cluster_of_all_kinds: Cluster,
    restricted_namespace: str,
    environment: dict[str, str],
    case: tuple[str, str, tuple[str, ...], set[str]],
) -> None:
    chart, provider, values, kinds = case
    documents = _render_all(
        environment,
        (
            [
                *(chart, picker, f"--namespace={restricted_namespace}", "--model-server=sim"),
                *(f"--provider={provider}", f"--epp={picker}"),
                *(f"--set={value}" for value in values),
            ]
            for picker in PICKERS
        ),
    )

    assert kinds - {document["kind"] for document in documents} == set()
    assert cluster_of_all_kinds.dry_run(documents, restricted_namespace) == []


@pytest.mark.parametrize("chart", OF_ITSELF)
def test_whatever_a_chart_renders_by_itself_is_taken(
    cluster_of_all_kinds: Cluster, restricted_namespace: str, chart: str
) -> None:
    documents = [
        document
        for case in sorted(GOLDEN.glob(f"{chart}-*/documents.yaml"))
        for document in load(case.read_text())
    ]
    for document in documents:
        document["metadata"]["namespace"] = restricted_namespace

    assert OF_ITSELF[chart] - {document["kind"] for document in documents} == set()
    assert cluster_of_all_kinds.dry_run(documents, restricted_namespace) == []


def test_the_definitions_that_a_stack_brings_are_taken(
    cluster: Cluster, restricted_namespace: str, environment: dict[str, str]
) -> None:
    documents = _render(
        environment,
        *("inferencepool", f"--namespace={restricted_namespace}"),
        *("--model-server=sim", "--include-crds", "--create-namespace"),
    )
    brought = [d["metadata"]["name"] for d in documents if d["kind"] == "CustomResourceDefinition"]

    assert sorted(brought) == sorted(crds.INFERENCE_APIS)
    assert cluster.dry_run(documents, restricted_namespace) == []
