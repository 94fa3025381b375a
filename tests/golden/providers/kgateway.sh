# the CRDs of the Gateway API are installed
kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml
# kgateway v2.1.0 runs, with the Inference Extension switched on
helm upgrade --install kgateway-crds oci://cr.kgateway.dev/kgateway-dev/charts/kgateway-crds --namespace kgateway-system --create-namespace --version v2.1.0
helm upgrade --install kgateway oci://cr.kgateway.dev/kgateway-dev/charts/kgateway --namespace kgateway-system --create-namespace --version v2.1.0 --set inferenceExtension.enabled=true
