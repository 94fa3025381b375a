"""What a stack says about the EPP, as values of the charts."""

import re
from typing import Any

from gaiectl.errors import UsageError
from gaiectl.references import split
from gaiectl.stack.model import Api, Epp, Implementation, Stack

CONFIG_KEY = "custom-plugins.yaml"
"""Name of the user's EndpointPickerConfig in the EPP's ConfigMap."""

GO_IMAGE = "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"
GO_IMAGE_FOR_FLAGS = "registry.k8s.io/gateway-api-inference-extension/epp:v1.3.1"
"""GAIE's 1.4 and 1.5 cannot start without an InferencePool."""

_GO_PROJECT = re.compile(r"gateway-api-inference-extension/|llm-d-")
"""Where images of an EPP in Go come from; a mirror keeps these parts of their names."""

_PATH = re.compile(r"[^\s:@/]+(?:/[^\s:@/]+)*")
_TAG_AND_DIGEST = re.compile(r"(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>\S+))?")


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
        # The chart's own is GAIE's, with which nobody answers while the new pods start.
        "strategy": {"type": "auto"},
        # The chart's own name is GAIE's: two stacks in a namespace would take it from each other.
        "monitoring": {"prometheus": {"auth": {"secretName": f"{stack.name}-metrics-reader"}}},
        **({"image": image} if image else {}),
        **({"replicas": epp.replicas} if epp.replicas != 1 else {}),
        **({"flags": dict(epp.flags)} if epp.flags else {}),
        **(
            {"pluginsConfigFile": CONFIG_KEY, "pluginsCustomConfig": {CONFIG_KEY: config_text}}
            if config_text
            else {}
        ),
    }


def is_ours(epp: Epp) -> bool:
    """Tell whether the image of the EPP is gaiectl's own; ``auto`` tells by its name, roughly."""
    if epp.implementation is not Implementation.AUTO:
        return epp.implementation is Implementation.PYTHON
    return not _GO_PROJECT.search(epp.image)


def image_values(reference: str) -> dict[str, str]:
    """Return ``image`` of the charts' values for a reference like ``host/path/name:tag@digest``.

    A reference without a registry is Docker Hub's, and one with neither tag nor digest is the
    latest, as everywhere.

    Raises:
        UsageError: it is none.
    """
    if not reference:
        return {}
    registry, repository, rest = split(reference)
    match = _TAG_AND_DIGEST.fullmatch(rest)
    if not (match and _PATH.fullmatch(repository)) or re.search(r"\s", registry):
        raise UsageError(
            f"epp.image: {reference!r} is not an image reference",
            hint="write it like registry.example:5000/team/epp:1.0, without https://",
        )
    tag, digest = match.groups()
    return {
        "registry": registry,
        "repository": repository,
        **({"tag": tag or "latest"} if tag or not digest else {}),
        **({"digest": digest} if digest else {}),
    }


def _default_image(epp: Epp, api: Api) -> str:
    if epp.implementation is not Implementation.GO:
        return ""  # the chart's own
    return GO_IMAGE if api is Api.CRDS else GO_IMAGE_FOR_FLAGS
