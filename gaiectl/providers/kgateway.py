"""kgateway 2.1, whose data plane for inference is agentgateway, so that its class is too.

From 2.2 on agentgateway is a project of its own: the provider ``agentgateway``.
"""

from gaiectl import prereqs
from gaiectl.providers.gateway import GATEWAY_API_CRDS, gateway_of
from gaiectl.providers.provider import Provider

VERSION = prereqs.KGATEWAY.version
GATEWAY_CLASS = "agentgateway"

PROVIDER = Provider(
    name="kgateway",
    summary=f"kgateway {VERSION} with agentgateway as data plane",
    gateway_class=GATEWAY_CLASS,
    requirements=(GATEWAY_API_CRDS, prereqs.KGATEWAY.requirement),
    objects=gateway_of(GATEWAY_CLASS),
)
