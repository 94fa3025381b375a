"""What a path takes for granted where neither ``gaie.yaml`` nor flags say otherwise."""

from collections.abc import Mapping
from typing import Any

from gaiectl.stack.model import ModelServerKind, PathName, ProviderName

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    PathName.INFERENCE_SCHEDULING: {
        "name": "inference-scheduling",
        "provider": {"name": ProviderName.ISTIO},
        "modelServer": {"kind": ModelServerKind.GPU},
    },
    PathName.ENVOY_GATEWAY: {"provider": {"name": ProviderName.ENVOY_GATEWAY}},
}


def defaults_of(path: object) -> Mapping[str, Any]:
    """Return the fields of ``gaie.yaml`` whose default is the path's own, nested as in the file."""
    return _DEFAULTS.get(path, {}) if isinstance(path, str) else {}
