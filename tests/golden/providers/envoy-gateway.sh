# Envoy Gateway v1.8.1 runs, takes an InferencePool as backend and asks Envoy AI Gateway
gaiectl prereqs install envoy-gateway
# Envoy AI Gateway v1.0.0 runs (on Kubernetes 1.32 or newer)
gaiectl prereqs install envoy-ai-gateway
# Envoy Gateway runs the Gateways of class envoy-ai-gateway
echo '{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "envoy-ai-gateway"}, "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}}' | kubectl apply --server-side -f -
