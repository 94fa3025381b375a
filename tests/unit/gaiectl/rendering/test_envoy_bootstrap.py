"""The gateway's Envoy configuration says what the user asked for."""

import json
from typing import Any

import pytest
import yaml

from gaiectl.rendering.envoy import (
    Address,
    BodyMode,
    Bootstrap,
    Upstream,
    bootstrap,
    endpoint_assignment,
)


def rendered(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "listener": Address("127.0.0.1", 8081),
        "admin": Address("127.0.0.1", 19000),
        "epp": Address("127.0.0.1", 9002),
        "endpoints_file": "/state/envoy/endpoints.json",
        "endpoints_directory": "/state/envoy",
        **changes,
    }
    document: dict[str, Any] = yaml.safe_load(bootstrap(Bootstrap(**values)))
    return document


def connection_manager(document: dict[str, Any]) -> dict[str, Any]:
    listener = document["static_resources"]["listeners"][0]
    config: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return config


def http_filter(document: dict[str, Any], name: str) -> dict[str, Any]:
    filters = {f["name"]: f for f in connection_manager(document)["http_filters"]}
    config: dict[str, Any] = filters[f"envoy.filters.http.{name}"]["typed_config"]
    return config


def cluster(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {c["name"]: c for c in document["static_resources"]["clusters"]}[name]


def routes(document: dict[str, Any]) -> list[dict[str, Any]]:
    hosts = connection_manager(document)["route_config"]["virtual_hosts"]
    found: list[dict[str, Any]] = hosts[0]["routes"]
    return found


def test_a_buffered_gateway_asks_the_epp_twice_and_shows_it_nothing_of_the_response() -> None:
    mode = http_filter(rendered(), "ext_proc")["processing_mode"]

    assert mode == {
        "request_header_mode": "SEND",
        "request_body_mode": "BUFFERED",
        "request_trailer_mode": "SKIP",
        "response_header_mode": "SKIP",
        "response_body_mode": "NONE",
        "response_trailer_mode": "SKIP",
    }


def test_a_duplex_gateway_streams_everything_both_ways() -> None:
    mode = http_filter(rendered(body_mode=BodyMode.DUPLEX), "ext_proc")["processing_mode"]

    assert mode == {
        "request_header_mode": "SEND",
        "request_body_mode": "FULL_DUPLEX_STREAMED",
        "request_trailer_mode": "SEND",
        "response_header_mode": "SEND",
        "response_body_mode": "FULL_DUPLEX_STREAMED",
        "response_trailer_mode": "SEND",
    }


def test_a_fail_closed_gateway_routes_only_what_the_epp_has_placed() -> None:
    document = rendered(fail_open=False)
    _, placed, unplaced = routes(document)

    assert placed["match"]["headers"] == [
        {"name": "x-gateway-destination-endpoint", "present_match": True}
    ]
    assert unplaced["route"] == {"cluster": "unplaced"}
    assert "load_assignment" not in cluster(document, "unplaced")


def test_a_fail_open_gateway_routes_without_the_epp() -> None:
    document = rendered(fail_open=True)

    assert http_filter(document, "ext_proc")["failure_mode_allow"] is True
    assert routes(document)[-1]["match"] == {"prefix": "/"}


@pytest.mark.parametrize(
    ("body_mode", "fail_open", "expected"),
    [
        # The route refuses what was not placed; what was placed outlives the EPP.
        (BodyMode.BUFFERED, False, True),
        (BodyMode.BUFFERED, True, True),
        # The EPP holds bytes of the answer.
        (BodyMode.DUPLEX, False, False),
        (BodyMode.DUPLEX, True, True),
    ],
)
def test_the_death_of_the_epp_ends_only_what_depends_on_it(
    body_mode: BodyMode, *, fail_open: bool, expected: bool
) -> None:
    document = rendered(body_mode=body_mode, fail_open=fail_open)

    assert http_filter(document, "ext_proc")["failure_mode_allow"] is expected


def test_no_client_can_choose_its_endpoint() -> None:
    mutations = http_filter(rendered(), "header_mutation")["mutations"]

    assert mutations == {"request_mutations": [{"remove": "x-gateway-destination-endpoint"}]}


def test_no_timeout_cuts_a_stream() -> None:
    document = rendered()
    manager = connection_manager(document)
    route = next(r["route"] for r in routes(document) if "timeout" in r.get("route", {}))

    assert (manager["stream_idle_timeout"], manager["request_timeout"]) == ("0s", "0s")
    assert route["timeout"] == "0s"


def test_a_known_pool_is_read_from_a_file_and_retries_go_elsewhere() -> None:
    document = rendered(upstream=Upstream.EDS_FILE)
    servers = cluster(document, "model-servers")
    retry = next(r["route"] for r in routes(document) if "timeout" in r.get("route", {}))

    assert servers["eds_cluster_config"]["eds_config"]["path_config_source"] == {
        "path": "/state/envoy/endpoints.json",
        "watched_directory": {"path": "/state/envoy"},
    }
    assert [p["name"] for p in retry["retry_policy"]["retry_host_predicate"]] == [
        "envoy.retry_host_predicates.previous_hosts"
    ]


def test_an_unknown_pool_is_reached_by_the_header_alone() -> None:
    servers = cluster(rendered(upstream=Upstream.ORIGINAL_DST), "model-servers")

    assert servers["original_dst_lb_config"] == {
        "use_http_header": True,
        "http_header_name": "x-gateway-destination-endpoint",
    }


@pytest.mark.parametrize("tls", [True, False])
def test_tls_to_the_epp_is_a_choice(*, tls: bool) -> None:
    assert ("transport_socket" in cluster(rendered(epp_tls=tls), "epp")) is tls


def test_the_answer_to_a_body_too_large_names_the_limit() -> None:
    mappers = connection_manager(rendered(body_limit_bytes=2 * 1024 * 1024))["local_reply_config"]
    answer = mappers["mappers"][0]["body_format_override"]["json_format"]

    assert "2097152 bytes (2 MiB)" in answer["error"]["message"]


def test_every_answer_of_envoys_own_has_the_shape_of_the_api() -> None:
    mappers = connection_manager(rendered())["local_reply_config"]["mappers"]
    formats = [mapper["body_format_override"] for mapper in mappers]
    errors = [form["json_format"]["error"] for form in formats]

    assert {form["content_type"] for form in formats} == {"application/json"}
    assert {error["code"] for error in errors} == {"%RESPONSE_CODE%"}
    assert len({error["type"] for error in errors}) == len(errors)


def test_every_circuit_breaker_is_wide_open_also_for_retries() -> None:
    document = rendered()

    for name in ("epp", "model-servers"):
        assert set(cluster(document, name)["circuit_breakers"]["thresholds"][0].values()) == {40000}


def test_thousands_of_clients_may_give_up_at_the_same_moment() -> None:
    options = cluster(rendered(), "epp")["typed_extension_protocol_options"]
    (protocol,) = options.values()
    http2 = protocol["explicit_http_config"]["http2_protocol_options"]

    assert (
        http2["max_outbound_control_frames"] >= Bootstrap.__dataclass_fields__["parallel"].default
    )


def listener(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    listeners = document["static_resources"]["listeners"]
    return next((found for found in listeners if found["name"] == name), None)


def test_probes_have_a_listener_of_their_own_when_asked_for() -> None:
    ready = listener(rendered(ready=Address("0.0.0.0", 19001)), "ready")

    assert ready is not None
    assert ready["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 19001}
    assert listener(rendered(), "ready") is None


def test_scrapers_reach_the_figures_and_nothing_else_of_the_admin_interface() -> None:
    document = rendered(ready=Address("0.0.0.0", 19001))
    ready = listener(document, "ready")
    assert ready is not None
    manager = ready["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]

    assert host["routes"] == [
        {"match": {"path": "/stats/prometheus"}, "route": {"cluster": "admin"}}
    ]
    assert cluster(document, "admin")["load_assignment"]["endpoints"][0]["lb_endpoints"] == [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 19000}}}}
    ]


def test_the_endpoint_file_lists_the_addresses() -> None:
    document = json.loads(endpoint_assignment([Address("10.0.0.1", 80), Address("::1", 81)], "7"))
    hosts = document["resources"][0]["endpoints"][0]["lb_endpoints"]

    assert document["version_info"] == "7"
    assert [h["endpoint"]["address"]["socket_address"] for h in hosts] == [
        {"address": "10.0.0.1", "port_value": 80},
        {"address": "::1", "port_value": 81},
    ]
