"""Which pools a controller is expected to say something of."""

from gaiectl.documents import Identity
from gaiectl.operations.routed_pools import routed_pools

GROUP = "inference.networking.k8s.io"


def test_pools_are_judged_only_where_a_route_leads_to_them() -> None:
    pool = {"kind": "InferencePool", "group": GROUP, "name": "led-to"}
    service = {"name": "another"}
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "route", "namespace": "ns"},
        "spec": {"rules": [{"backendRefs": [pool, service]}, {}]},
    }

    assert routed_pools([route]) == {Identity(GROUP, "InferencePool", "ns", "led-to")}
    assert routed_pools([{**route, "kind": "GRPCRoute"}, {**route, "spec": {}}]) == set()
