"""agentgateway as a project of its own, as in the guide of GAIE v1.5."""

from gaiectl.plan import Requirement
from gaiectl.providers.gateway import GATEWAY_API_CRDS, chart_install, gateway_of
from gaiectl.providers.provider import Provider

VERSION = "v1.0.0"
NAMESPACE = "agentgateway-system"
CHARTS = "oci://cr.agentgateway.dev/charts"
GATEWAY_CLASS = "agentgateway"

PROVIDER = Provider(
    name="agentgateway",
    summary=f"agentgateway {VERSION}",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        GATEWAY_API_CRDS,
        Requirement(
            what=f"agentgateway {VERSION} runs, with the Inference Extension switched on",
            commands=(
                chart_install(
                    "agentgateway-crds", f"{CHARTS}/agentgateway-crds", NAMESPACE, VERSION
                ),
                chart_install(
                    *("agentgateway", f"{CHARTS}/agentgateway", NAMESPACE, VERSION),
                    "--set inferenceExtension.enabled=true",
                ),
            ),
        ),
    ),
    objects=gateway_of(GATEWAY_CLASS),
)
