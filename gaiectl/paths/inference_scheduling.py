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
from gaiectl.paths.well_lit_servers import servers
from gaiectl.plan import Phase, Plan, Release, Step
from gaiectl.providers.catalog import provider
from gaiectl.rendering import epp_configs, well_lit
from gaiectl.stack.merge import merged
from gaiectl.stack.model import ModelServerKind, ProviderName
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


def plan(request: Request) -> Plan:
    """Return the plan of the well-lit path.

    Raises:
        UsageError: the stack's name is too long, or no profile has this name.
    """
    stack = request.stack
    names = checked(stack.name, stack.namespace)
    chosen = profile(stack.profile)
    if not chosen.has_servers and stack.model_server.kind is ModelServerKind.GPU:
        stack = replace(stack, model_server=replace(stack.model_server, kind=ModelServerKind.SIM))
    if stack.provider.name not in ENVIRONMENTS:
        raise UsageError(
            f"provider.name: the well-lit path knows no gateway {stack.provider.name}",
            hint=f"choose from {', '.join(ENVIRONMENTS)}",
        )
    gateway = provider(stack.provider.name)
    given: dict[str, Any] = {
        "names": names,
        "provider": str(gateway.name),
        "gateway_class": gateway.gateway_class,
    }
    serving = servers(stack, well_lit.values(f"ms/{stack.profile or DEFAULT}", **given))
    offered = epp_configs.text(chosen.epp_config, tokenizer=names.tokenizer)
    epp = epp_values(stack, request.epp_config or offered)
    values: dict[str, Mapping[str, Any]] = {
        "infra": well_lit.values("infra", **given),
        "gaie": merged(well_lit.values("gaie", **given), {"inferenceExtension": epp}),
        "ms": serving.values,
    }
    if gateway.name == ProviderName.NONE:
        del values["infra"]
    return framed(
        request,
        (*objects(Phase.MODEL_SERVER, serving.beside), *_steps(request, names, values)),
        requirements=gateway.requirements,
        needed=serving.requirements,
    )


def _steps(
    request: Request, names: Names, values: Mapping[str, Mapping[str, Any]]
) -> Iterator[Step]:
    phases = {"infra": Phase.PROVIDER, "gaie": Phase.ENDPOINT_PICKER, "ms": Phase.MODEL_SERVER}
    for key, said in values.items():
        release = Release(
            name=getattr(names, key),
            namespace=names.namespace,
            chart=CHARTS[key],
            values=merged(said, request.stack.values.get(key) or {}),
            assignments=part(request.assignments, key),
        )
        yield Step(phase=phases[key], what=release)
