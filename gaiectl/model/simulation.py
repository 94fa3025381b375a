"""What both simulators share, as they take the same flags: ``sim`` and ``builtin``."""

import json
from collections.abc import Mapping
from typing import Any

from gaiectl.model.server import Adapter, Settings
from gaiectl.model.workload import TMP, Volume

ENGINE = "vllm"
"""They export vLLM's metrics."""

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
"""A name only; that of GAIE's sample, so that its requests work."""

ADAPTERS = (Adapter(name="food-review-1"),)
DRAIN_SECONDS = 5
GRACE_SECONDS = 60
VOLUMES: tuple[Volume, ...] = (TMP,)

ENVIRONMENT: Mapping[str, str | Mapping[str, Any]] = {
    "HOME": TMP.path,
    # Simulators name themselves in answers, which shows who was picked.
    "POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
    "POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    "POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}},
}


def startup_seconds(settings: Settings) -> int:
    """Return how long a simulator may take to listen."""
    return settings.startup_seconds or 60


def arguments(settings: Settings) -> tuple[str, ...]:
    """Return the flags: one JSON text for each adapter, after one ``--lora-modules``."""
    served = ADAPTERS if settings.adapters is None else settings.adapters
    return (
        *("--model", settings.model or MODEL),
        *("--port", str(settings.port)),
        *(("--max-loras", "2", "--lora-modules", *map(_module, served)) if served else ()),
    )


def _module(adapter: Adapter) -> str:
    path = {"path": adapter.source} if adapter.source else {}
    return json.dumps({"name": adapter.name, **path})
