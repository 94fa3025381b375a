"""NGINX Gateway Fabric, in GAIE's guides from v1.2 on, which pin no version of it."""

from gaiectl.plan import Requirement
from gaiectl.providers.gateway import GATEWAY_API_CRDS, chart_install, gateway_of
from gaiectl.providers.provider import Provider

NAMESPACE = "nginx-gateway"
GATEWAY_CLASS = "nginx"

PROVIDER = Provider(
    name="nginx",
    summary="NGINX Gateway Fabric",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        GATEWAY_API_CRDS,
        Requirement(
            what="NGINX Gateway Fabric runs, with the Inference Extension switched on",
            commands=(
                chart_install(
                    *("ngf", "oci://ghcr.io/nginx/charts/nginx-gateway-fabric", NAMESPACE, ""),
                    "--set nginxGateway.gwAPIInferenceExtension.enable=true",
                ),
            ),
        ),
    ),
    # NGINX Gateway Fabric calls the Service of a Gateway <gateway>-<class>.
    objects=gateway_of(GATEWAY_CLASS, service_suffix=f"-{GATEWAY_CLASS}"),
)
