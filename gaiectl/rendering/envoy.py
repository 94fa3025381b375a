"""Envoy's files: the bootstrap, one template wherever we own the proxy, and the EDS file.

Facts of Envoy 1.40 that the template rests on:

- ``override_host`` sends a request to the first address of the header that the cluster knows, one
  further address with each retry, and asks its fallback policy when the list is used up or absent.
- A request's route is looked up before the EPP is asked and again when the EPP has answered
  (``route_cache_action: CLEAR``). So a fail-closed gateway matches the model servers' route by the
  presence of the header: whatever the EPP did not place cannot slip around it.
- The limit for a buffered body is that of the first route found, so it stands on the virtual host;
  a direct response has none, so that first route leads to a cluster without hosts.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from gaiectl.rendering.local_replies import MIB, local_replies


class BodyMode(StrEnum):
    """How the EPP sees bodies.

    ``buffered``: the request in one message, of the response what the EPP asks for. ``duplex``:
    everything, both ways, as gateways with an InferencePool do it (FULL_DUPLEX_STREAMED).
    """

    BUFFERED = "buffered"
    DUPLEX = "duplex"


class Upstream(StrEnum):
    """How Envoy knows the model servers.

    ``eds-file``: by a file of endpoints, so that it can retry elsewhere and route with no EPP.
    ``original-dst``: not at all; the header alone says the address.
    """

    EDS_FILE = "eds-file"
    ORIGINAL_DST = "original-dst"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address (no name) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What differs between one gateway and another.

    Attributes:
        listener: where clients connect.
        admin: Envoy's admin interface.
        ready: where probes and scrapers find ``/ready``, answered while Envoy serves, and
            ``/stats/prometheus``; None for no such listener.
        epp: the ext-proc server.
        epp_tls: speak TLS to the EPP (its certificate is not checked: it is self-signed).
        body_mode: how the EPP sees bodies.
        fail_open: route without the EPP when it cannot be asked; otherwise refuse with 503.
        upstream: how Envoy knows the model servers.
        upstream_http2: speak HTTP/2 to the model servers, as gRPC wants it; otherwise HTTP/1.1.
        endpoints_file: for ``eds-file``: the file ``endpoint_assignment`` wrote.
        endpoints_directory: for ``eds-file``: the directory in which that file is replaced.
        body_limit_bytes: a larger request body is refused with 413.
        parallel: connections and requests at the same time, per cluster.
        connection_seconds: age at which a client's connection ends with the next answer, so that
            clients find their way to another gateway before this one ends; 0 is never.
        retries: attempts after the first one, where the protocol allows them.
        access_log: file of the access log; empty for none.
        access_log_from_status: lowest HTTP status that is logged.
        show_served_endpoint: tell the client which endpoint answered, in the response header
            ``x-gateway-destination-endpoint-served``.
        node: Envoy's own name.
    """

    listener: Address
    admin: Address
    epp: Address
    ready: Address | None = None
    epp_tls: bool = False
    body_mode: BodyMode = BodyMode.BUFFERED
    fail_open: bool = False
    upstream: Upstream = Upstream.EDS_FILE
    upstream_http2: bool = False
    endpoints_file: str = ""
    endpoints_directory: str = ""
    body_limit_bytes: int = 32 * MIB
    parallel: int = 40_000
    connection_seconds: int = 0
    retries: int = 3
    access_log: str = ""
    access_log_from_status: int = 500
    show_served_endpoint: bool = False
    node: str = "gateway"


def bootstrap(values: Bootstrap) -> str:
    """Return Envoy's bootstrap configuration as YAML."""
    # jinja2 takes long to import, and most commands need only the types of this module.
    from gaiectl.rendering.environment import environment  # noqa: PLC0415 - see above

    template = environment().get_template("envoy/bootstrap.yaml.j2")
    return template.render(
        {field.name: getattr(values, field.name) for field in fields(values)},
        local_replies=local_replies(values.body_limit_bytes),
    )


def endpoint_assignment(endpoints: Iterable[Address], version: str) -> str:
    """Return the EDS file with these endpoints: a DiscoveryResponse as JSON.

    Args:
        endpoints: the model servers Envoy may use.
        version: any text that differs from that of the file before.
    """
    hosts = [
        {"endpoint": {"address": {"socket_address": {"address": at.host, "port_value": at.port}}}}
        for at in endpoints
    ]
    return json.dumps(
        {
            "version_info": version,
            "resources": [
                {
                    "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
                    "cluster_name": "model-servers",
                    "endpoints": [{"lb_endpoints": hosts}],
                }
            ],
        }
    )
