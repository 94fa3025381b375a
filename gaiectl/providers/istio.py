"""Istio, the first release with all of InferencePool v1: 1.28.

The DestinationRule that lets the gateway accept the EPP's own certificate is the chart's.
"""

from gaiectl import prereqs
from gaiectl.providers.gateway import GATEWAY_API_CRDS, gateway_of
from gaiectl.providers.provider import Provider

VERSION = prereqs.ISTIO.version
GATEWAY_CLASS = "istio"

PROVIDER = Provider(
    name="istio",
    summary=f"Istio {VERSION} or newer",
    gateway_class=GATEWAY_CLASS,
    requirements=(GATEWAY_API_CRDS, prereqs.ISTIO.requirement),
    # Istio calls the Service of a Gateway <gateway>-<class>.
    objects=gateway_of(
        GATEWAY_CLASS,
        service_suffix=f"-{GATEWAY_CLASS}",
        service_annotation="networking.istio.io/service-type",
    ),
)
