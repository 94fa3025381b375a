"""The EPP beside its own Envoy, with an InferencePool or, by flags, without any CRD."""

from typing import Any

from gaiectl.paths.epp import epp_values
from gaiectl.paths.pool import engine, labels, pool_values
from gaiectl.paths.request import Request
from gaiectl.paths.request import plan as plan_of
from gaiectl.plan import Plan
from gaiectl.providers.catalog import provider
from gaiectl.stack.model import Api, Stack


def plan(request: Request) -> Plan:
    """Return the plan of a standalone stack."""
    stack = request.stack
    chosen = provider(stack.provider.name)
    epp = epp_values(stack, request.epp_config)
    # The chart's own name is GAIE's: two stacks in a namespace would take it from each other.
    epp["sidecar"] = {"configMap": {"name": f"{stack.name}-proxy"}}
    values: dict[str, Any] = {"inferenceExtension": epp, "provider": {"name": chosen.name}}
    if stack.api is Api.FLAGS:
        epp["endpointsServer"] = _endpoints_server(stack)
    else:
        values["inferencePool"] = pool_values(stack)
    return plan_of(request, values, notes=_notes(chosen.name, chosen.gateway_class))


def _endpoints_server(stack: Stack) -> dict[str, Any]:
    found = ",".join(f"{name}={value}" for name, value in labels(stack).items())
    return {
        "createInferencePool": False,
        "targetPorts": ",".join(map(str, stack.model_server.target_ports)),
        **({"endpointSelector": found} if found else {}),
        **({"modelServerType": engine(stack)} if engine(stack) else {}),
    }


def _notes(name: str, gateway_class: str) -> tuple[str, ...]:
    if not gateway_class:
        return ()
    return (f"standalone has an Envoy of its own and makes no Gateway of {name}",)
