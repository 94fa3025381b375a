# the CRDs of the Gateway API are installed
kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml
# Istio 1.28.0 or newer runs, with the Inference Extension switched on
curl -L https://istio.io/downloadIstio | ISTIO_VERSION=1.28.0 sh -
./istio-1.28.0/bin/istioctl install -y --set values.pilot.env.ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true
