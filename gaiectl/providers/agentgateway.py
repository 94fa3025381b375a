"""agentgateway as a project of its own, as in the guide of GAIE v1.5."""

from gaiectl import prereqs
from gaiectl.providers.gateway import GATEWAY_API_CRDS, gateway_of
from gaiectl.providers.provider import Provider

VERSION = prereqs.AGENTGATEWAY.version
GATEWAY_CLASS = "agentgateway"

PROVIDER = Provider(
    name="agentgateway",
    summary=f"agentgateway {VERSION}",
    gateway_class=GATEWAY_CLASS,
    requirements=(GATEWAY_API_CRDS, prereqs.AGENTGATEWAY.requirement),
    objects=gateway_of(GATEWAY_CLASS),
)
