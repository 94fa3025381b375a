"""Istio, the first release with all of InferencePool v1: 1.28.

The DestinationRule that lets the gateway accept the EPP's own certificate is the chart's.
"""

from gaiectl.plan import Requirement
from gaiectl.providers.gateway import GATEWAY_API_CRDS, gateway_of
from gaiectl.providers.provider import Provider

VERSION = "1.28.0"
GATEWAY_CLASS = "istio"

PROVIDER = Provider(
    name="istio",
    summary=f"Istio {VERSION} or newer",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        GATEWAY_API_CRDS,
        Requirement(
            what=f"Istio {VERSION} or newer runs, with the Inference Extension switched on",
            commands=(
                f"curl -L https://istio.io/downloadIstio | ISTIO_VERSION={VERSION} sh -",
                (
                    f"./istio-{VERSION}/bin/istioctl install -y --set "
                    "values.pilot.env.ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true"
                ),
            ),
        ),
    ),
    # Istio calls the Service of a Gateway <gateway>-<class>.
    objects=gateway_of(
        GATEWAY_CLASS,
        service_suffix=f"-{GATEWAY_CLASS}",
        service_annotation="networking.istio.io/service-type",
    ),
)
