"""What an EnvoyPatchPolicy changes: JSON patches (RFC 6902) of what Envoy Gateway has made.

They are those of GAIE's first quickstarts, with names that are computed.
"""

from collections.abc import Iterator
from typing import Any

from gaiectl.paths.envoy_gateway_names import DESTINATION_HEADER, Names
from gaiectl.paths.envoy_gateway_profiles import Profile

MOST_PARALLEL = 40_000
"""Connections and requests at the same time; Envoy's own default is 1024."""

_TYPE = "type.googleapis.com/envoy"
_CLUSTER = f"{_TYPE}.config.cluster.v3.Cluster"
_ROUTES = f"{_TYPE}.config.route.v3.RouteConfiguration"
_LISTENER = f"{_TYPE}.config.listener.v3.Listener"
_TLS = f"{_TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext"

_BY_HEADER = "original_destination_cluster"
_MODE = "/default_filter_chain/filters/0/typed_config/http_filters/0/typed_config/processing_mode/"


def patches(names: Names, profile: Profile) -> Iterator[dict[str, Any]]:
    """Yield the patches of a profile, in the order of the quickstarts."""
    yield _patch(_CLUSTER, _BY_HEADER, "add", "", _cluster())
    if profile.has_tls:
        # Without a validation context any certificate will do: the EPP's is self-signed.
        context = {"@type": _TLS, "common_tls_context": {}}
        socket = {"name": "envoy.transport_sockets.tls", "typed_config": context}
        yield _patch(_CLUSTER, names.xds_epp, "add", "/transport_socket", socket)
    route = "/virtual_hosts/0/routes/0/route/cluster"
    yield _patch(_ROUTES, names.xds_listener, "replace", route, _BY_HEADER)
    if profile.is_duplex:
        for verb, field, value in (
            ("add", "request_body_mode", "FULL_DUPLEX_STREAMED"),
            ("add", "request_trailer_mode", "SEND"),
            ("add", "response_body_mode", "FULL_DUPLEX_STREAMED"),
            ("replace", "response_trailer_mode", "SEND"),
            ("replace", "response_header_mode", "SEND"),
        ):
            yield _patch(_LISTENER, names.xds_listener, verb, f"{_MODE}{field}", value)


def _patch(kind: str, name: str, verb: str, path: str, value: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "operation": {"op": verb, "path": path, "value": value},
    }


def _cluster() -> dict[str, Any]:
    limits = ("max_connections", "max_pending_requests", "max_requests")
    return {
        "name": _BY_HEADER,
        "type": "ORIGINAL_DST",
        "original_dst_lb_config": {
            "use_http_header": True,
            "http_header_name": DESTINATION_HEADER,
        },
        "connect_timeout": "1000s",
        "lb_policy": "CLUSTER_PROVIDED",
        "dns_lookup_family": "V4_ONLY",
        "circuit_breakers": {"thresholds": [dict.fromkeys(limits, MOST_PARALLEL)]},
    }
