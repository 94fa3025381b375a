"""kgateway 2.1, whose data plane for inference is agentgateway, so that its class is too.

From 2.2 on agentgateway is a project of its own: the provider ``agentgateway``.
"""

from gaiectl.plan import Requirement
from gaiectl.providers.gateway import GATEWAY_API_CRDS, chart_install, gateway_of
from gaiectl.providers.provider import Provider

VERSION = "v2.1.0"
NAMESPACE = "kgateway-system"
CHARTS = "oci://cr.kgateway.dev/kgateway-dev/charts"
GATEWAY_CLASS = "agentgateway"

PROVIDER = Provider(
    name="kgateway",
    summary=f"kgateway {VERSION} with agentgateway as data plane",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        GATEWAY_API_CRDS,
        Requirement(
            what=f"kgateway {VERSION} runs, with the Inference Extension switched on",
            commands=(
                chart_install("kgateway-crds", f"{CHARTS}/kgateway-crds", NAMESPACE, VERSION),
                chart_install(
                    *("kgateway", f"{CHARTS}/kgateway", NAMESPACE, VERSION),
                    "--set inferenceExtension.enabled=true",
                ),
            ),
        ),
    ),
    objects=gateway_of(GATEWAY_CLASS),
)
