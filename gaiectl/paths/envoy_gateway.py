"""GAIE's first quickstarts: an EPP that Envoy Gateway asks by itself, without Envoy AI Gateway.

Envoy Gateway knows no InferencePool. The pool is only for the EPP; that it is asked, and obeyed,
is said by policies. The early form adds a cluster to Envoy's configuration by patches; since its
release 1.5 Envoy Gateway has a setting for that, which the default profile uses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gaiectl import crds
from gaiectl.documents import Document
from gaiectl.errors import UsageError
from gaiectl.paths import envoy_gateway_objects as made
from gaiectl.paths.envoy_gateway_names import Names
from gaiectl.paths.envoy_gateway_profiles import Profile, profile
from gaiectl.paths.epp import epp_values, is_ours
from gaiectl.paths.inferencepool import target_of
from gaiectl.paths.pool import labels, model_servers, pool_values, server_name
from gaiectl.paths.request import Request, framed, objects
from gaiectl.plan import Phase, Plan, Release, Requirement, Step
from gaiectl.providers import envoy_gateway_settings
from gaiectl.providers.catalog import provider
from gaiectl.providers.envoy_gateway import VERSION
from gaiectl.stack.merge import merged
from gaiectl.stack.model import ProviderName, Stack
from gaiectl.validation.assignments import part

CHARTS: Mapping[str, str] = {"gaie": "inferencepool"}
"""The chart of the release, by the key under which its values stand in ``gaie.yaml``."""

OBJECTIVES: Mapping[str, int] = {
    word.lower(): crds.PRIORITIES[word] for word in ("Critical", "Sheddable")
}
"""Priorities of the stack's objectives by what is in their names."""

_TLS_FLAG = "secure-serving"
_NUMBERED = re.compile(r"(.+)-\d+")
_NATIVE = (
    "where Envoy AI Gateway can be had, prefer a route straight to the InferencePool: gaiectl "
    "install inferencepool --provider envoy-gateway"
)


def plan(request: Request) -> Plan:
    """Return the plan of a stack behind Envoy Gateway.

    Raises:
        UsageError: the stack says what the path or its profile cannot do.
    """
    stack, chosen = request.stack, profile(request.stack.profile)
    _refuse(stack, chosen)
    target = target_of(stack)
    names = Names(stack.name, stack.namespace, target.gateway, server_name(stack))
    servers, needed = model_servers(stack)
    release = Release(
        name=stack.name,
        namespace=stack.namespace,
        chart=CHARTS["gaie"],
        values=merged(_values(request, names, chosen), stack.values.get("gaie") or {}),
        assignments=part(request.assignments, "gaie"),
    )
    gateway = provider(ProviderName.ENVOY_GATEWAY).objects(target)
    provided = (*made.front(names, chosen, gateway), *made.policies(names, chosen))
    reached = () if chosen.has_patches else (_service(stack, names),)
    steps = (
        *objects(Phase.MODEL_SERVER, (*servers, *reached)),
        Step(phase=Phase.ENDPOINT_PICKER, what=release),
        *objects(Phase.ENDPOINT_PICKER, made.rewrites(names, dict(_stand_ins(stack)))),
        *objects(Phase.PROVIDER, provided),
    )
    notes = (
        *(
            f"{one} are requests with the header {crds.OBJECTIVE_HEADER}: {names.objective(one)}"
            for one in OBJECTIVES
        ),
        _NATIVE,
    )
    return framed(
        request, steps, requirements=(_requirement(provided),), needed=needed, notes=notes
    )


def _refuse(stack: Stack, chosen: Profile) -> None:
    if stack.provider.name is not ProviderName.ENVOY_GATEWAY:
        raise UsageError(
            f"provider.name: the path envoy-gateway knows no gateway {stack.provider.name}",
            hint="leave it out, or take the path inferencepool",
        )
    if not chosen.has_patches and len(stack.model_server.target_ports) > 1:
        raise UsageError(
            "modelServer.targetPorts: the profile leads to one port of each pod",
            hint="name one port, or take a profile with patches: --profile eg-v0.2-streaming",
        )
    told = stack.epp.flags.get(_TLS_FLAG)
    if told is not None and str(told).lower() != str(chosen.has_tls).lower():
        raise UsageError(
            f"epp.flags.{_TLS_FLAG}: Envoy asks the EPP as the profile says, "
            f"{'by' if chosen.has_tls else 'without'} TLS",
            hint="leave it out, or choose another profile",
        )


def _values(request: Request, names: Names, chosen: Profile) -> dict[str, Any]:
    stack, config = request.stack, request.epp_config
    if chosen.is_early and is_ours(stack.epp) and not config:
        from epp.config import presets  # noqa: PLC0415 - most stacks need none

        config = presets.read("early-envoy-gateway")
    if not chosen.has_tls:
        flags = {**stack.epp.flags, _TLS_FLAG: False}
        stack = replace(stack, epp=replace(stack.epp, flags=flags))
    return {
        "inferenceExtension": epp_values(stack, config),
        "inferencePool": pool_values(stack),
        "inferenceObjectives": [
            {"name": names.objective(kind), "priority": priority}
            for kind, priority in OBJECTIVES.items()
        ],
        "provider": {"name": str(ProviderName.NONE)},
    }


def _service(stack: Stack, names: Names) -> Document:
    found = labels(stack)
    if not found:
        raise UsageError(
            "modelServer.matchLabels: nothing says which pods to serve",
            hint="name pods with --selector app=NAME, or bring some with --model-server sim",
        )
    return made.service(names, found, stack.model_server.target_ports[0])


def _stand_ins(stack: Stack) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the models that stand for numbered copies of an adapter, which share its requests."""
    known = [one.name for one in stack.model_server.adapters or ()]
    stems = dict.fromkeys(match[1] for name in known if (match := _NUMBERED.fullmatch(name)))
    for stem in stems:
        if stem not in known:
            copies = [one for one in known if (m := _NUMBERED.fullmatch(one)) and m[1] == stem]
            yield stem, tuple(copies)


def _requirement(documents: tuple[Document, ...]) -> Requirement:
    """Return that Envoy Gateway runs and heeds what there is.

    Its settings are changed by its chart's values, so that all others stay as they are.
    """
    needed = envoy_gateway_settings.switches(documents)
    return Requirement(
        what=f"Envoy Gateway {VERSION} or newer runs, with {' and '.join(needed)} in its "
        "extensionApis",
        commands=envoy_gateway_settings.enabling(needed, VERSION),
    )
