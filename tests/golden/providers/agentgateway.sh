# the CRDs of the Gateway API are installed
gaiectl prereqs install gateway-api
# agentgateway v1.0.0 runs, with the Inference Extension switched on
gaiectl prereqs install agentgateway
