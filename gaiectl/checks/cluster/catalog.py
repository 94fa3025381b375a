"""All checks of a cluster, in the order of the report."""

from gaiectl.checks.cluster import (
    capacity,
    data_path,
    envoy_gateway,
    foreign_routes,
    gateway_api,
    inference_crds,
    kubernetes_api,
    leader_worker_sets,
    leftovers,
    monitors,
    pickers,
    pools,
    programs,
    provider,
    routes,
    secrets_images,
)

ALL = (
    *programs.CHECKS,
    *kubernetes_api.CHECKS,
    *gateway_api.CHECKS,
    *inference_crds.CHECKS,
    *provider.CHECKS,
    *envoy_gateway.CHECKS,
    *leader_worker_sets.CHECKS,
    *monitors.CHECKS,
    *capacity.CHECKS,
    *secrets_images.CHECKS,
    *pools.CHECKS,
    *routes.CHECKS,
    *foreign_routes.CHECKS,
    *pickers.CHECKS,
    *data_path.CHECKS,
    *leftovers.CHECKS,
)
