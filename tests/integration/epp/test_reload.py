"""A running EPP takes a new configuration without losing what it has learned."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
CONFIG = """\
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: prefix-cache-scorer
- type: queue-scorer
- type: file-discovery
  parameters: {{path: {path}, watchFile: true}}
schedulingProfiles:
- name: default
  plugins:
  - {{pluginRef: prefix-cache-scorer, weight: {weight}}}
  - {{pluginRef: queue-scorer}}
dataLayer:
  discovery: {{pluginRef: file-discovery}}
"""
BODY = json.dumps({"model": "m", "prompt": "the same beginning " * 40}).encode()


def ask(epp: Any) -> str:
    """Return where a request goes."""
    headers = [
        wire.HeaderValue(key=":method", raw_value=b"POST"),
        wire.HeaderValue(key=":path", raw_value=b"/v1/completions"),
    ]
    messages = [
        wire.ProcessingRequest(
            request_headers=wire.HttpHeaders(headers=wire.HeaderMap(headers=headers)),
            protocol_config=wire.ProtocolConfiguration(request_body_mode=2),
        ),
        wire.ProcessingRequest(request_body=wire.HttpBody(body=BODY, end_of_stream=True)),
    ]
    with grpc.insecure_channel(epp.address) as channel:
        process = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        *_, last = process(iter(messages), timeout=60)
    options = last.request_body.response.header_mutation.set_headers
    found = {option.header.key: option.header.raw_value.decode() for option in options}
    return found["x-gateway-destination-endpoint"]


def wait_for(epp: Any, line: str) -> str:
    """Return the metrics when they hold the line."""
    until = time.monotonic() + 60
    while line not in (text := epp.http("/metrics").text):
        assert time.monotonic() < until, epp.log.read_text()
        time.sleep(0.1)
    return str(text)


def put(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def test_prefixes_survive_a_good_edit_and_routing_survives_a_bad_one(
    start: Start, tmp_path: Path
) -> None:
    places = {name: f"127.0.0.1:{port}" for port, name in enumerate("abcdefgh", 1)}
    epp = start("--secure-serving=false", **places)
    config = tmp_path / "config.yaml"
    first = ask(epp)
    total = "inference_extension_config_reload_total"

    put(config, CONFIG.format(path=epp.endpoints, weight=9))
    wait_for(epp, f'{total}{{outcome="success"}} 1')
    after_a_good_edit = {ask(epp) for _ in range(6)}
    put(config, CONFIG.format(path=epp.endpoints, weight="heavy"))
    metrics = wait_for(epp, f'{total}{{outcome="failure"}} 1')
    after_a_bad_edit = {ask(epp) for _ in range(6)}

    assert after_a_good_edit == after_a_bad_edit == {first}
    assert "inference_extension_config_last_reload_successful 0" in metrics
    assert "must be a number, not the string 'heavy'" in epp.log.read_text()
    assert epp.stop() == 0


def test_the_file_is_left_alone_if_the_flag_says_so(start: Start, tmp_path: Path) -> None:
    epp = start("--secure-serving=false", "--config-reload=false")
    put(tmp_path / "config.yaml", "nonsense")

    assert "config_reload" not in epp.http("/metrics").text
    assert epp.stop() == 0
