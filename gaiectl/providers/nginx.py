"""NGINX Gateway Fabric, in GAIE's guides from v1.2 on, which pin no version of it."""

from gaiectl import prereqs
from gaiectl.providers.gateway import GATEWAY_API_CRDS, gateway_of
from gaiectl.providers.provider import Provider

GATEWAY_CLASS = "nginx"

PROVIDER = Provider(
    name="nginx",
    summary="NGINX Gateway Fabric",
    gateway_class=GATEWAY_CLASS,
    requirements=(GATEWAY_API_CRDS, prereqs.NGINX.requirement),
    # NGINX Gateway Fabric calls the Service of a Gateway <gateway>-<class>.
    objects=gateway_of(GATEWAY_CLASS, service_suffix=f"-{GATEWAY_CLASS}"),
)
