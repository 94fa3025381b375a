"""The sidecar that keeps a vLLM's LoRA adapters as a ConfigMap says (GAIE's lora-syncer).

It watches the file and calls vLLM's load and unload API, so that adapters change without a restart.
"""

from gaiectl import documents
from gaiectl.documents import Document
from gaiectl.model.server import Adapter, Settings
from gaiectl.model.workload import Volume, container, metadata

IMAGE = "registry.k8s.io/gateway-api-inference-extension/lora-syncer:v1.2.1"
METRICS_PORT = 8080
"""It listens there, and it is a neighbour of the model server in one network namespace."""

_FILE = "configmap.yaml"
_VOLUME = "adapters"
_PATH = "/config"


def config_map(settings: Settings, model: str, adapters: tuple[Adapter, ...]) -> Document:
    """Return the ConfigMap of the adapters, in the syncer's own schema."""
    content: Document = {
        "vLLMLoRAConfig": {
            "name": settings.name,
            "port": settings.port,
            "defaultBaseModel": model,
            "ensureExist": {
                "models": [{"id": adapter.name, "source": adapter.source} for adapter in adapters]
            },
        }
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(settings, _name(settings)),
        "data": {_FILE: documents.dump([content]).removeprefix("---\n")},
    }


def volume(settings: Settings) -> Volume:
    """Return the volume that holds the ConfigMap, mounted by the sidecar alone."""
    return Volume(name=_VOLUME, source={"configMap": {"name": _name(settings)}})


def sidecar() -> Document:
    """Return the sidecar: an init container that always restarts (Kubernetes 1.29)."""
    return container("lora-adapter-syncer", IMAGE) | {
        "restartPolicy": "Always",
        "env": [{"name": "DYNAMIC_LORA_ROLLOUT_CONFIG", "value": f"{_PATH}/{_FILE}"}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        # The whole folder: a file mounted by subPath never changes.
        "volumeMounts": [{"name": _VOLUME, "mountPath": _PATH, "readOnly": True}],
    }


def _name(settings: Settings) -> str:
    return f"{settings.name}-adapters"
