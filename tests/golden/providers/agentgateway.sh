# the CRDs of the Gateway API are installed
kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml
# agentgateway v1.0.0 runs, with the Inference Extension switched on
helm upgrade --install agentgateway-crds oci://cr.agentgateway.dev/charts/agentgateway-crds --namespace agentgateway-system --create-namespace --version v1.0.0
helm upgrade --install agentgateway oci://cr.agentgateway.dev/charts/agentgateway --namespace agentgateway-system --create-namespace --version v1.0.0 --set inferenceExtension.enabled=true
