"""The EPP behind a Gateway that sends it the requests of an InferencePool."""

from typing import Any

from gaiectl.paths.epp import epp_values
from gaiectl.paths.pool import pool_values
from gaiectl.paths.request import Request
from gaiectl.paths.request import plan as plan_of
from gaiectl.plan import Plan
from gaiectl.providers.catalog import provider
from gaiectl.providers.provider import Target
from gaiectl.stack.model import ServiceType, Stack


def plan(request: Request) -> Plan:
    """Return the plan of a stack with an InferencePool."""
    stack = request.stack
    chosen = provider(stack.provider.name)
    target = target_of(stack)
    values: dict[str, Any] = {
        "inferenceExtension": epp_values(stack, request.epp_config),
        "inferencePool": pool_values(stack),
        "provider": {"name": chosen.name},
    }
    if chosen.gateway_class:
        values["experimentalHttpRoute"] = {"enabled": True, "inferenceGatewayName": target.gateway}
    return plan_of(
        request, values, provider=chosen.objects(target), requirements=chosen.requirements
    )


def target_of(stack: Stack) -> Target:
    """Return what the objects of a provider are made for."""
    kind = stack.provider.gateway_service
    return Target(
        name=stack.name,
        namespace=stack.namespace,
        gateway=stack.provider.gateway or _gateway_name(stack.name),
        service="" if kind is ServiceType.AUTO else str(kind),
    )


def _gateway_name(stack: str) -> str:
    """Return the name that GAIE's chart gives to a Gateway that nobody has named.

    Of a long name the beginning: providers make other names from the Gateway's, and Istio, the
    strictest, leaves it 57 characters.
    """
    suffix = "-inference-gateway"
    return stack[: 57 - len(suffix)].rstrip("-") + suffix
