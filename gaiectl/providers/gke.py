"""GKE's own gateway. The HealthCheckPolicy and the GCPBackendPolicy of the pool are the chart's."""

from gaiectl.plan import Requirement
from gaiectl.providers.gateway import gateway_of
from gaiectl.providers.provider import Provider

GATEWAY_CLASS = "gke-l7-regional-external-managed"

PROVIDER = Provider(
    name="gke",
    summary="the gateway that is part of Google Kubernetes Engine",
    gateway_class=GATEWAY_CLASS,
    requirements=(
        Requirement(
            what="the project has the APIs of GKE, Compute Engine and Network Services",
            commands=(
                (
                    "gcloud services enable container.googleapis.com compute.googleapis.com "
                    "networkservices.googleapis.com"
                ),
            ),
        ),
        Requirement(
            what="the cluster has the Gateway API switched on",
            commands=(
                (
                    'gcloud container clusters update "$CLUSTER" --location="$LOCATION" '
                    "--gateway-api=standard"
                ),
            ),
        ),
        Requirement(
            what="the cluster's network has a proxy-only subnet in its region",
            commands=(
                (
                    "gcloud compute networks subnets create proxy-only --role=ACTIVE "
                    '--purpose=REGIONAL_MANAGED_PROXY --region="$REGION" --network="$NETWORK" '
                    "--range=10.129.0.0/23"
                ),
            ),
        ),
    ),
    objects=gateway_of(GATEWAY_CLASS),
)
