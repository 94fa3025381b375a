"""llm-d's well-lit path: a Gateway, the EPP with its pool, and model servers, as three releases.

The releases have the names and the order of llm-d's helmfile. What it leaves to scripts around it,
the route above all, is part of the plan.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gaiectl.errors import UsageError
from gaiectl.paths.epp import epp_values
from gaiectl.paths.request import Request, framed, objects
from gaiectl.paths.well_lit_names import Names, checked
from gaiectl.paths.well_lit_profiles import DEFAULT, profile
from gaiectl.paths.well_lit_servers import Servers, servers
from gaiectl.plan import Phase, Plan, Release, Step
from gaiectl.providers.catalog import provider
from gaiectl.rendering import epp_configs, well_lit
from gaiectl.stack.merge import merged
from gaiectl.stack.model import ModelServerKind, ProviderName, Stack
from gaiectl.validation.assignments import part

CHARTS: Mapping[str, str] = {
    "infra": "gateway",
    "gaie": "inferencepool",
    "ms": "modelservice",
}
"""The chart of each release, by the key under which its values stand in ``gaie.yaml``."""


ENVIRONMENTS = (
    *(ProviderName.ISTIO, ProviderName.GKE, ProviderName.KGATEWAY, ProviderName.AGENTGATEWAY),
    ProviderName.NONE,
)
"""The gateways that the path is made for."""

_ESTIMATING = "prefix-aware"
_ESTIMATES = (
    "these model servers publish no events of their KV caches, so the EPP is configured by "
    f"preset:{_ESTIMATING} and estimates what they hold; the profile's own servers and gaiectl's "
    "simulator (--model-server builtin) publish them"
)


def plan(request: Request) -> Plan:
    """Return the plan of the well-lit path.

    Raises:
        UsageError: the stack's name is too long, its gateway is none of ``ENVIRONMENTS``, or no
            profile is called so.
    """
    stack = request.stack
    names = checked(stack.name, stack.namespace)
    if stack.provider.name not in ENVIRONMENTS:
        raise UsageError(
            f"provider.name: the well-lit path knows no gateway {stack.provider.name}",
            hint=f"choose from {', '.join(ENVIRONMENTS)}",
        )
    serving = _servers(stack, names)
    estimates = not request.epp_config and _offered(stack) != profile(stack.profile).epp_config
    return framed(
        request,
        (*objects(Phase.MODEL_SERVER, serving.beside), *_steps(request, names)),
        requirements=provider(stack.provider.name).requirements,
        needed=serving.requirements,
        notes=(*serving.notes, *((_ESTIMATES,) if estimates else ())),
    )


def values(stack: Stack, names: Names, epp_config: str = "") -> dict[str, Mapping[str, Any]]:
    """Return the values of the releases, by the keys of ``CHARTS``; without a Gateway no infra.

    Args:
        stack: what the user wants.
        names: of the parts; they may be texts for another program to fill in.
        epp_config: text of the user's EndpointPickerConfig; empty for the profile's.
    """
    given = _given(stack, names)
    offered = epp_configs.text(_offered(stack), tokenizer=names.tokenizer)
    epp = epp_values(stack, epp_config or offered)
    made: dict[str, Mapping[str, Any]] = {
        "infra": well_lit.values("infra", **given),
        "gaie": merged(well_lit.values("gaie", **given), {"inferenceExtension": epp}),
        "ms": _servers(stack, names).values,
    }
    if stack.provider.name is ProviderName.NONE:
        del made["infra"]
    return made


def _offered(stack: Stack) -> str:
    """Return the name of the EndpointPickerConfig for the profile's servers, or those instead."""
    offered = profile(stack.profile).epp_config
    tells = stack.model_server.kind in (ModelServerKind.GPU, ModelServerKind.BUILTIN)
    return _ESTIMATING if offered == epp_configs.PRECISE and not tells else offered


def _servers(stack: Stack, names: Names) -> Servers:
    has_servers = profile(stack.profile).has_servers
    if not has_servers and stack.model_server.kind is ModelServerKind.GPU:
        stack = replace(stack, model_server=replace(stack.model_server, kind=ModelServerKind.SIM))
    own = well_lit.values(f"ms/{stack.profile or DEFAULT}", **_given(stack, names))
    return servers(stack, own)


def _given(stack: Stack, names: Names) -> dict[str, Any]:
    """Return what the templates ask for."""
    gateway = provider(stack.provider.name)
    return {
        "names": names,
        "provider": str(gateway.name),
        "gateway_class": gateway.gateway_class,
    }


def _steps(request: Request, names: Names) -> Iterator[Step]:
    phases = {"infra": Phase.PROVIDER, "gaie": Phase.ENDPOINT_PICKER, "ms": Phase.MODEL_SERVER}
    for key, said in values(request.stack, names, request.epp_config).items():
        release = Release(
            name=getattr(names, key),
            namespace=names.namespace,
            chart=CHARTS[key],
            values=merged(said, request.stack.values.get(key) or {}),
            assignments=part(request.assignments, key),
        )
        yield Step(phase=phases[key], what=release)
