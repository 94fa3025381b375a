# Envoy Gateway v1.8.1 runs, takes an InferencePool as backend and asks Envoy AI Gateway
helm upgrade --install eg oci://docker.io/envoyproxy/gateway-helm --namespace envoy-gateway-system --create-namespace --version v1.8.1 -f https://raw.githubusercontent.com/envoyproxy/ai-gateway/v1.0.0/manifests/envoy-gateway-values.yaml -f https://raw.githubusercontent.com/envoyproxy/ai-gateway/v1.0.0/examples/inference-pool/envoy-gateway-values-addon.yaml
# Envoy AI Gateway v1.0.0 runs (on Kubernetes 1.32 or newer)
helm upgrade --install aieg-crd oci://docker.io/envoyproxy/ai-gateway-crds-helm --namespace envoy-ai-gateway-system --create-namespace --version v1.0.0
helm upgrade --install aieg oci://docker.io/envoyproxy/ai-gateway-helm --namespace envoy-ai-gateway-system --create-namespace --version v1.0.0
# Envoy Gateway runs the Gateways of class envoy-ai-gateway
echo '{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "envoy-ai-gateway"}, "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}}' | kubectl apply --server-side -f -
