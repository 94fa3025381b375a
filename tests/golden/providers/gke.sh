# the project has the APIs of GKE, Compute Engine and Network Services
gcloud services enable container.googleapis.com compute.googleapis.com networkservices.googleapis.com
# the cluster has the Gateway API switched on
gcloud container clusters update "$CLUSTER" --location="$LOCATION" --gateway-api=standard
# the cluster's network has a proxy-only subnet in its region
gcloud compute networks subnets create proxy-only --role=ACTIVE --purpose=REGIONAL_MANAGED_PROXY --region="$REGION" --network="$NETWORK" --range=10.129.0.0/23
