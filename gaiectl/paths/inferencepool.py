"""The EPP behind a Gateway that sends it the requests of an InferencePool."""

from typing import Any

from gaiectl.paths.epp import epp_values, service_name
from gaiectl.paths.pool import pool_values
from gaiectl.paths.request import Request
from gaiectl.paths.request import plan as plan_of
from gaiectl.plan import Plan
from gaiectl.providers.catalog import provider
from gaiectl.providers.provider import Target


def plan(request: Request) -> Plan:
    """Return the plan of a stack with an InferencePool."""
    stack = request.stack
    chosen = provider(stack.provider.name)
    values: dict[str, Any] = {
        "inferenceExtension": epp_values(stack, request.epp_config),
        "inferencePool": pool_values(stack),
        "provider": {"name": chosen.name},
    }
    if chosen.gateway_class:
        values["experimentalHttpRoute"] = {
            "enabled": True,
            "inferenceGatewayName": stack.provider.gateway,
        }
    target = Target(
        name=stack.name,
        namespace=stack.namespace,
        gateway=stack.provider.gateway,
        epp_service=service_name(stack.name),
        target_port=stack.model_server.target_ports[0],
    )
    return plan_of(
        request, values, provider=chosen.objects(target), requirements=chosen.requirements
    )
