"""llm-d-inference-sim, upstream's simulator: GAIE's ``sim-deployment.yaml`` with probes."""

from gaiectl.documents import Document
from gaiectl.model import simulation
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe

IMAGE = "ghcr.io/llm-d/llm-d-inference-sim:v0.8.2"
_CAN = Abilities(kind="sim", model=simulation.MODEL, adapters=True)


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    workload = Workload(
        container="vllm-sim",
        engine=simulation.ENGINE,
        image=IMAGE,
        arguments=simulation.arguments(settings),
        # Releases before POD_NAMESPACE read this, and so does the manifest.
        env={**simulation.ENVIRONMENT, "NAMESPACE": simulation.ENVIRONMENT["POD_NAMESPACE"]},
        resources={"requests": {"cpu": "10m"}},
        probes={
            "startupProbe": probe(
                "/health", period=1, timeout=1, failures=simulation.startup_seconds(settings)
            ),
            "livenessProbe": probe("/health", period=10, timeout=5, failures=3),
            "readinessProbe": probe("/health", period=1, timeout=1, failures=1),
        },
        volumes=simulation.VOLUMES,
        drain_seconds=simulation.DRAIN_SECONDS,
        grace_seconds=simulation.GRACE_SECONDS,
        startup_seconds=simulation.startup_seconds(settings),
        surge=True,
    )
    return (deployment(settings, workload),)


SERVER = ModelServer(
    kind="sim",
    summary="llm-d-inference-sim: no model, no GPU",
    engine=simulation.ENGINE,
    documents=_documents,
)
