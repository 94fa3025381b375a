# the CRDs of the Gateway API are installed
gaiectl prereqs install gateway-api
# Istio 1.28.0 or newer runs, with the Inference Extension switched on
gaiectl prereqs install istio
