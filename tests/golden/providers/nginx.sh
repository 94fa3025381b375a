# the CRDs of the Gateway API are installed
kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml
# NGINX Gateway Fabric runs, with the Inference Extension switched on
helm upgrade --install ngf oci://ghcr.io/nginx/charts/nginx-gateway-fabric --namespace nginx-gateway --create-namespace --set nginxGateway.gwAPIInferenceExtension.enable=true
