"""What vLLM needs on any hardware: ``gpu`` and ``cpu`` differ in the rest.

Flags and environment of vLLM 0.18; adapters by the syncer of GAIE's manifests v1.2 to v1.4.
"""

from collections.abc import Mapping
from typing import Any

from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.model import lora_syncer, weights
from gaiectl.model.server import Adapter, Settings
from gaiectl.model.weights import Token
from gaiectl.model.workload import Volume

ENGINE = "vllm"
CONTAINER = "vllm"
COMMAND = ("python3", "-m", "vllm.entrypoints.openai.api_server")


def adapters(settings: Settings, *, of_default_model: tuple[Adapter, ...]) -> tuple[Adapter, ...]:
    """Return the adapters; those of the default model fit no other one.

    Raises:
        GaieError: the syncer, which loads them, has taken the port for its own metrics.
    """
    of_model = () if settings.model else of_default_model
    served = of_model if settings.adapters is None else settings.adapters
    if served and settings.port == lora_syncer.METRICS_PORT:
        raise GaieError(
            f"modelServer.targetPorts: {settings.port} is taken by the sidecar that loads adapters",
            hint="choose another port, or set modelServer.adapters to []",
        )
    return served


def lora_arguments(served: tuple[Adapter, ...], *, at_once: int) -> tuple[str, ...]:
    """Return the arguments that adapters need; ``at_once`` may run in one batch."""
    if not served:
        return ()
    in_memory = str(max(12, len(served)))
    return ("--enable-lora", "--max-loras", str(at_once), "--max-cpu-loras", in_memory)


def environment(
    token: Token | None, served: tuple[Adapter, ...]
) -> dict[str, str | Mapping[str, Any]]:
    """Return the environment; with adapters the API may load and unload them."""
    env = weights.environment(token)
    return {
        **env,
        "VLLM_CACHE_ROOT": f"{env['XDG_CACHE_HOME']}/vllm",
        **({"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "true"} if served else {}),
    }


def volumes(settings: Settings, served: tuple[Adapter, ...]) -> tuple[Volume, ...]:
    """Return the volumes."""
    return (*weights.volumes(settings), *((lora_syncer.volume(settings),) if served else ()))


def sidecars(served: tuple[Adapter, ...]) -> tuple[Document, ...]:
    """Return the sidecar that loads adapters, if there are any."""
    return (lora_syncer.sidecar(),) if served else ()


def beside(settings: Settings, model: str, served: tuple[Adapter, ...]) -> tuple[Document, ...]:
    """Return the objects that the Deployment refers to: the claim and the list of adapters."""
    listed = (lora_syncer.config_map(settings, model, served),) if served else ()
    return (*weights.claim(settings), *listed)
