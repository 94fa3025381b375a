"""The times between the parts of a streamed response."""

import time
from typing import Any

import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.endpoint import Endpoint
from epp.api.request import Decision
from epp.extproc.observation import FULL, HEADERS, Observation
from epp.extproc.settings import StreamSettings
from epp.metrics.exposition import families
from epp.metrics.recorder import RESPONSE_SAMPLE, EppMetrics
from epp.server.extproc import ExtProcCall, Serving

DUPLEX = wire.ProtocolConfiguration(
    request_body_mode=wire.ProcessingMode.FULL_DUPLEX_STREAMED,
    response_body_mode=wire.ProcessingMode.FULL_DUPLEX_STREAMED,
)


class Director:
    """Sends every request to the one endpoint."""

    def route(self, *_: object) -> Decision:
        return Decision((Endpoint("pod-1", "default", "10.0.0.1", 8000),))

    route_any = route

    def abandon(self, *_: object) -> None:
        raise AssertionError

    def completed(self, *_: object) -> None:
        pass


class Sent:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.messages.append(message)

    def finish(self, *_: object) -> None:
        pass


def headers(**named: str) -> wire.HttpHeaders:
    made = wire.HttpHeaders()
    for name, value in named.items():
        made.headers.headers.add(key=name.replace("_", "-"), raw_value=value.encode())
    return made


def chunk(body: bytes, *, last: bool = False) -> bytes:
    part = wire.HttpBody(body=body, end_of_stream=last)
    return wire.ProcessingRequest(response_body=part).SerializeToString()


def exchange(
    observation: Observation, content_type: str, metrics: EppMetrics | None = None
) -> EppMetrics:
    """Let a response of four parts and an empty last one pass; return what was measured."""
    metrics = metrics or EppMetrics()
    serving = Serving(Director(), metrics, StreamSettings(observation=observation))
    sent: Any = Sent()
    call = ExtProcCall(sent, serving)
    asked = wire.HttpBody(body=b'{"model":"m","prompt":"hi"}', end_of_stream=True)
    answer = headers(status="200", content_type=content_type)
    for message in (
        wire.ProcessingRequest(request_headers=headers(x_request_id="1"), protocol_config=DUPLEX),
        wire.ProcessingRequest(request_body=asked),
        wire.ProcessingRequest(response_headers=answer),
    ):
        call.message(message.SerializeToString())
    for number in range(4):
        call.message(chunk(b"data: part %d\n\n" % number))
    call.message(chunk(b"", last=True))
    call.half_closed()
    return metrics


@pytest.mark.parametrize(
    ("observation", "content_type", "count"),
    [
        (FULL, "text/event-stream", 3),
        (FULL, "application/json", 0),
        (HEADERS, "text/event-stream", 0),
    ],
    ids=["streamed", "whole", "not watched"],
)
def test_times_between_parts_are_measured_where_streams_are_watched(
    observation: Observation, content_type: str, count: int
) -> None:
    metrics = exchange(observation, content_type)

    (family,) = [
        f for f in families(metrics) if f.name == "llm_d_epp_request_streaming_itl_seconds"
    ]
    ((labels, buckets),) = list(family.samples)
    assert labels == ("m", "m", "default-flow", "0")
    assert sum(buckets.counts) == count
    assert buckets.total >= 0


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_the_work_on_a_response_is_measured_for_a_sample_of_them(content_type: str) -> None:
    metrics = EppMetrics()
    started = time.perf_counter()

    for _ in range(RESPONSE_SAMPLE + 1):
        exchange(FULL, content_type, metrics)

    (family,) = [
        f for f in families(metrics) if f.name == "llm_d_epp_response_processing_duration_seconds"
    ]
    ((_, buckets),) = list(family.samples)
    assert sum(buckets.counts) == 2
    assert 0 < buckets.total < time.perf_counter() - started
