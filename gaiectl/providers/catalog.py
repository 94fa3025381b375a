"""All providers, by the name that users write."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from gaiectl.errors import UsageError
from gaiectl.providers import (
    agentgateway,
    envoy_gateway,
    gke,
    istio,
    kgateway,
    nginx,
    none,
)
from gaiectl.providers.provider import Provider

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        module.PROVIDER.name: module.PROVIDER
        for module in (none, istio, gke, kgateway, agentgateway, envoy_gateway, nginx)
    }
)


def provider(name: str) -> Provider:
    """Return the provider of this name; an empty name is ``none``, ``gke`` may have any case.

    The upstream charts read both so.

    Raises:
        UsageError: there is no such provider.
    """
    known = name or "none"
    if known.lower() == "gke":
        known = "gke"
    if known not in PROVIDERS:
        close = get_close_matches(known.lower(), PROVIDERS, n=1)
        guess = f"did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"provider.name: there is no provider {name!r}",
            hint=f"{guess}choose one of {', '.join(PROVIDERS)}",
        )
    return PROVIDERS[known]
