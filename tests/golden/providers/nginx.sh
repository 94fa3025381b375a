# the CRDs of the Gateway API are installed
gaiectl prereqs install gateway-api
# NGINX Gateway Fabric runs, with the Inference Extension switched on
gaiectl prereqs install nginx
