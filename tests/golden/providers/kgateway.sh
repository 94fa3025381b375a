# the CRDs of the Gateway API are installed
gaiectl prereqs install gateway-api
# kgateway v2.1.0 runs, with the Inference Extension switched on
gaiectl prereqs install kgateway
