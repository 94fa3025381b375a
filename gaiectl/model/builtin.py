"""gaiectl's own simulator, which is part of the EPP's image: nothing else has to be pulled."""

from gaiectl.documents import Document
from gaiectl.model import simulation
from gaiectl.model.checks import Abilities, refuse_nonsense
from gaiectl.model.server import ModelServer, Settings
from gaiectl.model.workload import Workload, deployment, probe

COMMAND = ("python", "-m", "gaiectl.simulator")
_CAN = Abilities(kind="builtin", model=simulation.MODEL, adapters=True)


def image() -> str:
    """Return the EPP's image, as the charts' defaults name it."""
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only this kind needs it

    return f"localhost/gaiectl/epp:{version('gaiectl')}"


def _documents(settings: Settings) -> tuple[Document, ...]:
    refuse_nonsense(settings, _CAN)
    startup = simulation.startup_seconds(settings)
    workload = Workload(
        container="simulator",
        engine=simulation.ENGINE,
        image=settings.image or image(),
        command=COMMAND,
        # Its own default is loopback.
        arguments=("--host", "0.0.0.0", *simulation.arguments(settings)),  # noqa: S104 - see above
        env=simulation.ENVIRONMENT,
        resources={"requests": {"cpu": "50m", "memory": "64Mi"}},
        probes={
            "startupProbe": probe("/health/ready", period=1, timeout=1, failures=startup),
            "livenessProbe": probe("/health", period=10, timeout=5, failures=3),
            # On a computer that is busy an answer that is late says nothing.
            "readinessProbe": probe("/health/ready", period=1, timeout=5, failures=1),
        },
        volumes=simulation.VOLUMES,
        drain_seconds=simulation.DRAIN_SECONDS,
        grace_seconds=simulation.GRACE_SECONDS,
        startup_seconds=startup,
        surge=True,
    )
    return (deployment(settings, workload),)


SERVER = ModelServer(
    kind="builtin",
    summary="gaiectl's own simulator: no model, no GPU, no further image",
    engine=simulation.ENGINE,
    documents=_documents,
)
