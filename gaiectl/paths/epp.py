"""What a stack says about the EPP, as values of the charts."""

import re
from typing import Any

from gaiectl.stack.model import Api, Epp, Implementation, Stack

CONFIG_KEY = "custom-plugins.yaml"
"""Name of the user's EndpointPickerConfig in the EPP's ConfigMap."""

GO_IMAGE = "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"
GO_IMAGE_FOR_FLAGS = "registry.k8s.io/gateway-api-inference-extension/epp:v1.3.1"
"""GAIE's 1.4 and 1.5 cannot start without an InferencePool."""

_IMAGE = re.compile(
    r"(?:(?P<registry>[^/]*[.:][^/]*|localhost)/)?(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)


def epp_values(stack: Stack, config_text: str) -> dict[str, Any]:
    """Return ``inferenceExtension`` of the charts' values.

    Args:
        stack: what the user wants.
        config_text: the user's EndpointPickerConfig; empty for the chart's own.
    """
    epp = stack.epp
    image = image_values(epp.image or _default_image(epp, stack.api))
    return {
        "implementation": str(epp.implementation),
        **({"image": image} if image else {}),
        **({"replicas": epp.replicas} if epp.replicas != 1 else {}),
        **({"flags": dict(epp.flags)} if epp.flags else {}),
        **(
            {"pluginsConfigFile": CONFIG_KEY, "pluginsCustomConfig": {CONFIG_KEY: config_text}}
            if config_text
            else {}
        ),
    }


def image_values(reference: str) -> dict[str, str]:
    """Return ``image`` of the charts' values for a reference like ``host/path/name:tag@digest``.

    A reference without a registry is Docker Hub's, as everywhere.
    """
    match = _IMAGE.fullmatch(reference)
    if not match:
        return {}
    parts = match.groupdict()
    return {
        "registry": parts["registry"] or "docker.io",
        "repository": parts["repository"],
        **{name: parts[name] for name in ("tag", "digest") if parts[name]},
    }


def _default_image(epp: Epp, api: Api) -> str:
    if epp.implementation is not Implementation.GO:
        return ""  # the chart's own
    return GO_IMAGE if api is Api.CRDS else GO_IMAGE_FOR_FLAGS
