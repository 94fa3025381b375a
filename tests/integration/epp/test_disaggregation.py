"""A running EPP that splits requests between prefill and decode endpoints."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
CONFIG = """\
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: prefill-filter
- type: decode-filter
- type: queue-scorer
- {type: prefix-based-pd-decider, parameters: {nonCachedTokens: 100}}
- {type: disagg-profile-handler, parameters: {deciders: {prefill: prefix-based-pd-decider}}}
schedulingProfiles:
- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: queue-scorer}]}
- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: queue-scorer}]}
"""
ENDPOINTS = """\
endpoints:
- {name: p, address: 127.0.0.1, port: "9", labels: {llm-d.ai/role: prefill}}
- {name: d, address: 127.0.0.1, port: "10", labels: {llm-d.ai/role: decode}}
"""


def send(epp: Any, prompt: str, **headers: str) -> tuple[dict[str, str], set[str]]:
    """Return the headers set for the model server, and those removed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    full = {":method": "POST", ":path": "/v1/completions", **named}
    entries = [wire.HeaderValue(key=k, raw_value=v.encode()) for k, v in full.items()]
    body = json.dumps({"model": "m", "prompt": prompt}).encode()
    messages = [
        wire.ProcessingRequest(
            request_headers=wire.HttpHeaders(headers=wire.HeaderMap(headers=entries)),
            protocol_config=wire.ProtocolConfiguration(request_body_mode=2),
        ),
        wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True)),
    ]
    with grpc.insecure_channel(epp.address) as channel:
        process = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        replies = list(process(iter(messages), timeout=60))
    mutation = replies[-1].request_body.response.header_mutation
    given = {o.header.key: o.header.raw_value.decode() for o in mutation.set_headers}
    return given, set(mutation.remove_headers)


def unreachable(epp: Any) -> set[str]:
    """Return the names of the endpoints that it has tried to reach in vain, and knows still."""
    line = r'^inference_extension_endpoint_reachable{.*model_server_pod="(.*?)".*} 0$'
    return set(re.findall(line, epp.http("/metrics").text, re.MULTILINE))


@pytest.fixture
def epp(start: Start) -> Any:
    """An EPP that knows a prefill and a decode endpoint, and that neither can be reached.

    As long as it has tried one alone, the other is preferred to it.
    """
    running = start("--secure-serving=false", config=CONFIG, old="127.0.0.1:11")
    running.endpoints.write_text(ENDPOINTS)
    until = time.monotonic() + 60
    while unreachable(running) != {"p", "d"}:
        assert time.monotonic() < until, running.log.read_text()
    return running


def test_only_a_long_prompt_is_prefilled_elsewhere(epp: Any) -> None:
    short, _ = send(epp, "hello")
    long, _ = send(epp, "hello " * 200)

    assert short["x-gateway-destination-endpoint"] == "127.0.0.1:10"
    assert "x-prefiller-host-port" not in short
    assert long["x-gateway-destination-endpoint"] == "127.0.0.1:10"
    assert long["x-prefiller-host-port"] == "127.0.0.1:9"

    text = epp.http("/metrics").text
    samples = re.findall(r"^llm_d_epp_disagg_decision_total\{(.*)\} (\d)", text, re.MULTILINE)
    counts = {
        dict(re.findall(r'(\w+)="(.*?)"', labels))["decision_type"]: n for labels, n in samples
    }
    assert counts == {"decode-only": "1", "prefill-decode": "1"}


def test_a_client_cannot_name_who_prefills(epp: Any) -> None:
    given, removed = send(epp, "hello", x_prefiller_host_port="10.6.6.6:666")

    assert "x-prefiller-host-port" not in given
    assert removed == {"x-prefiller-host-port"}
