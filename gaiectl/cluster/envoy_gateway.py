"""The settings of Envoy Gateway, which its operator keeps in a ConfigMap."""

from typing import Any

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.gateways import ENVOY_GATEWAY
from gaiectl.documents import Identity, load
from gaiectl.errors import GaieError
from gaiectl.validation.fields import at

CONFIG = Identity("", "ConfigMap", ENVOY_GATEWAY, "envoy-gateway-config")
"""As its chart calls it."""


def settings(cluster: Cluster) -> Any:
    """Return the settings; None where they are not, or may not be seen, or are none."""
    try:
        found = cluster.get(CONFIG)
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    text = at(found, "data", "envoy-gateway.yaml") if found else None
    try:
        return next(iter(load(text)), None) if isinstance(text, str) else None
    except GaieError:
        return None
