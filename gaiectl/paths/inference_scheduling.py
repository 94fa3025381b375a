"""llm-d's well-lit path: a Gateway, the EPP with its pool, and model servers, as three releases.

The releases have the names and the order of llm-d's helmfile. What it leaves to scripts around it,
the route above all, is part of the plan.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gaiectl.paths.epp import epp_values
from gaiectl.paths.request import Request, framed, objects
from gaiectl.paths.well_lit_names import Names, checked
from gaiectl.paths.well_lit_profiles import DEFAULT, profile
from gaiectl.paths.well_lit_servers import servers
from gaiectl.plan import Phase, Plan, Release, Step
from gaiectl.providers.catalog import provider
from gaiectl.rendering import well_lit
from gaiectl.stack.merge import merged
from gaiectl.stack.model import ProviderName
from gaiectl.validation.assignments import part

CHARTS: Mapping[str, str] = {
    "infra": "gateway",
    "gaie": "inferencepool",
    "ms": "modelservice",
}
"""The chart of each release, by the key under which its values stand in ``gaie.yaml``."""


def plan(request: Request) -> Plan:
    """Return the plan of the well-lit path.

    Raises:
        UsageError: the stack's name is too long, or no profile has this name.
    """
    stack = request.stack
    names = checked(stack.name, stack.namespace)
    chosen = profile(stack.profile)
    gateway = provider(stack.provider.name)
    given = {"names": names, "provider": str(gateway.name), "gateway_class": gateway.gateway_class}
    serving = servers(stack, well_lit.values(f"ms/{stack.profile or DEFAULT}", **given))
    epp = epp_values(stack, request.epp_config or well_lit.epp_config(chosen.epp_config))
    values: dict[str, Mapping[str, Any]] = {
        "infra": well_lit.values("infra", **given, service_type="ClusterIP"),
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
