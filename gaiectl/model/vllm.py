"""What vLLM needs on any hardware: ``gpu`` and ``cpu`` differ in the rest.

Flags and environment of vLLM 0.18; adapters by the syncer of GAIE's manifests v1.2 to v1.4.
"""

from collections.abc import Mapping
from typing import Any

from gaiectl.model import lora_syncer, weights
from gaiectl.model.server import Adapter, Settings
from gaiectl.model.workload import Volume

ENGINE = "vllm"
COMMAND = ("python3", "-m", "vllm.entrypoints.openai.api_server")


def adapters(settings: Settings, *, of_default_model: tuple[Adapter, ...]) -> tuple[Adapter, ...]:
    """Return the adapters; those of the default model fit no other one."""
    if settings.adapters is not None:
        return settings.adapters
    return () if settings.model else of_default_model


def lora_arguments(served: tuple[Adapter, ...], *, at_once: int) -> tuple[str, ...]:
    """Return the arguments that adapters need; ``at_once`` may run in one batch."""
    if not served:
        return ()
    in_memory = str(max(12, len(served)))
    return ("--enable-lora", "--max-loras", str(at_once), "--max-cpu-loras", in_memory)


def environment(
    settings: Settings, served: tuple[Adapter, ...], *, gated: bool
) -> dict[str, str | Mapping[str, Any]]:
    """Return the environment; with adapters the API may load and unload them."""
    env = weights.environment(settings, gated=gated)
    cache = env["XDG_CACHE_HOME"]
    return {
        **env,
        "VLLM_CACHE_ROOT": f"{cache}/vllm",
        **({"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "true"} if served else {}),
    }


def volumes(settings: Settings, served: tuple[Adapter, ...]) -> tuple[Volume, ...]:
    """Return the volumes."""
    return (*weights.volumes(settings), *((lora_syncer.volume(settings),) if served else ()))
