"""Flags of llm-d's EPP at a running one: scores for the gateway, experimental plugins."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest

from epp._generated import gaie_extproc_pb2 as wire

Start = Callable[..., Any]
HEAD = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"
LABELS = """plugins:
- type: label-selector-filter
  parameters: {matchExpressions: [{key: tier, operator: DoesNotExist}]}
- type: queue-scorer
schedulingProfiles:
- name: default
  plugins: [{pluginRef: label-selector-filter}, {pluginRef: queue-scorer, weight: 2}]
"""
BUFFERED, FULL_DUPLEX = 2, 4


def ask(epp: Any, mode: int) -> dict[str, Any]:
    """Send a request whose body comes in this mode.

    Returns:
        What the gateway is told in its load balancer's namespace.
    """
    named = {":method": "POST", ":path": "/v1/completions", "x-request-id": "r1"}
    headers = wire.HttpHeaders()
    for name, value in named.items():
        headers.headers.headers.add(key=name, raw_value=value.encode())
    body = wire.HttpBody(body=b'{"model": "m", "prompt": "hello"}', end_of_stream=True)
    messages = [
        wire.ProcessingRequest(
            request_headers=headers,
            protocol_config=wire.ProtocolConfiguration(request_body_mode=mode),
        ),
        wire.ProcessingRequest(request_body=body),
    ]
    is_told = threading.Event()

    def exchange() -> Iterator[wire.ProcessingRequest]:
        yield from messages
        is_told.wait(60)  # a gateway stays until the model server has answered

    with grpc.insecure_channel(epp.address) as channel:
        call = channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
            request_serializer=wire.ProcessingRequest.SerializeToString,
            response_deserializer=wire.ProcessingResponse.FromString,
        )
        for reply in call(exchange(), timeout=60):
            if reply.HasField("dynamic_metadata"):
                is_told.set()
                return dict(reply.dynamic_metadata["envoy.lb"].items())
    raise AssertionError


@pytest.mark.parametrize("workers", [0, 1])
def test_the_gateway_is_told_what_all_endpoints_scored_if_it_wants_to_know(
    start: Start, workers: int
) -> None:
    flags = ("--secure-serving=false", "--emit-endpoint-scores", f"--workers={workers}")
    epp = start(*flags, config=HEAD + LABELS, a="127.0.0.1:9", b="127.0.0.2:9")
    # Nobody is left out for being away once both are.
    away = re.compile(r"^inference_extension_endpoint_reachable{.*} 0$", re.MULTILINE)
    while len(away.findall(epp.http("/metrics").text)) < 2:
        assert epp.process.poll() is None, epp.log.read_text()

    for mode in (BUFFERED, FULL_DUPLEX):
        told = ask(epp, mode)

        assert told["x-gateway-destination-endpoint"] in ("127.0.0.1:9", "127.0.0.2:9")
        scores = dict(told["x-gateway-destination-endpoint-scores"].items())
        assert set(scores) == {"127.0.0.1:9", "127.0.0.2:9"}
        assert all(0 <= score <= 2 for score in scores.values())
        assert scores[told["x-gateway-destination-endpoint"]] == max(scores.values())


def test_nobody_who_did_not_ask_is_told_scores(start: Start) -> None:
    epp = start("--secure-serving=false", config=HEAD + LABELS)

    assert ask(epp, BUFFERED) == {"x-gateway-destination-endpoint": "127.0.0.1:9"}


@pytest.mark.parametrize(
    ("flags", "warned"), [((), True), (("--allow-experimental-plugins",), False)]
)
def test_experimental_plugins_work_and_are_named_unless_they_are_allowed(
    start: Start, flags: Sequence[str], *, warned: bool
) -> None:
    config = HEAD + "plugins: [{type: queue-scorer}, {type: agent-identity}]\n"
    epp = start("--secure-serving=false", *flags, config=config)

    assert ask(epp, BUFFERED)["x-gateway-destination-endpoint"] == "127.0.0.1:9"
    assert ("experimental plugins are in use: agent-identity" in epp.log.read_text()) is warned
