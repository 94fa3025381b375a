"""A vocabulary for conversations with the stream: Envoy speaks, a stub director answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.endpoint import Endpoint
from epp.api.errors import Refusal
from epp.api.request import Decision, Request
from epp.extproc.actions import (
    Action,
    BodyStarted,
    Close,
    Finished,
    Refused,
    ResponseStarted,
    Route,
    RouteAny,
)
from epp.extproc.stream import Stream, StreamSettings

FULL_DUPLEX = 4
ENDPOINT = Endpoint(name="pod-1", namespace="default", address="192.168.1.2", port=8000)


class Envoy:
    """Makes serialized ProcessingRequests."""

    NONE, STREAMED, BUFFERED, BUFFERED_PARTIAL, FULL_DUPLEX = range(5)

    @staticmethod
    def _block(headers: Mapping[str, str | bytes], *, last: bool) -> wire.HttpHeaders:
        entries = [
            wire.HeaderValue(key=key, raw_value=value.encode() if isinstance(value, str) else value)
            for key, value in headers.items()
        ]
        return wire.HttpHeaders(headers=wire.HeaderMap(headers=entries), end_of_stream=last)

    @staticmethod
    def _protocol(
        modes: tuple[int, int] | None, *, eager: bool
    ) -> wire.ProtocolConfiguration | None:
        if modes is None:
            return None
        return wire.ProtocolConfiguration(
            request_body_mode=modes[0],
            response_body_mode=modes[1],
            send_body_without_waiting_for_header_response=eager,
        )

    @staticmethod
    def metadata(namespace: str, values: Mapping[str, Any]) -> wire.Metadata:
        metadata = wire.Metadata()
        metadata.filter_metadata[namespace].update(values)
        return metadata

    @classmethod
    def subset(cls, entries: object) -> wire.Metadata:
        key = "x-gateway-destination-endpoint-subset"
        return cls.metadata("envoy.lb.subset_hint", {key: entries})

    @classmethod
    def headers(
        cls,
        headers: Mapping[str, str | bytes] | None = None,
        *,
        modes: tuple[int, int] | None = (FULL_DUPLEX, FULL_DUPLEX),
        last: bool = False,
        eager: bool = False,
        metadata: wire.Metadata | None = None,
    ) -> bytes:
        """The first message; standard headers plus those given."""
        full = {":method": "POST", ":path": "/v1/completions", "x-request-id": "test-request-id"}
        full.update(headers or {})
        return wire.ProcessingRequest(
            request_headers=cls._block(full, last=last),
            protocol_config=cls._protocol(modes, eager=eager),
            metadata_context=metadata,
        ).SerializeToString()

    @classmethod
    def bare_headers(cls, headers: Mapping[str, str | bytes], **options: int) -> bytes:
        """The first message with exactly these headers."""
        return wire.ProcessingRequest(
            request_headers=cls._block(headers, last=bool(options.get("last"))),
            protocol_config=cls._protocol((options.get("mode", FULL_DUPLEX), 0), eager=False),
        ).SerializeToString()

    @classmethod
    def body(
        cls, body: bytes, *, last: bool = True, metadata: wire.Metadata | None = None
    ) -> bytes:
        return wire.ProcessingRequest(
            request_body=wire.HttpBody(body=body, end_of_stream=last), metadata_context=metadata
        ).SerializeToString()

    @staticmethod
    def trailers() -> bytes:
        return wire.ProcessingRequest(request_trailers=wire.HttpTrailers()).SerializeToString()

    @classmethod
    def response_headers(
        cls,
        headers: Mapping[str, str | bytes],
        *,
        modes: tuple[int, int] | None = None,
        last: bool = False,
        metadata: wire.Metadata | None = None,
    ) -> bytes:
        return wire.ProcessingRequest(
            response_headers=cls._block(headers, last=last),
            protocol_config=cls._protocol(modes, eager=False),
            metadata_context=metadata,
        ).SerializeToString()

    @staticmethod
    def response_body(body: bytes, *, last: bool = False) -> bytes:
        return wire.ProcessingRequest(
            response_body=wire.HttpBody(body=body, end_of_stream=last)
        ).SerializeToString()

    @staticmethod
    def response_trailers() -> bytes:
        return wire.ProcessingRequest(response_trailers=wire.HttpTrailers()).SerializeToString()


@dataclass
class Conversation:
    """Plays a stream: performs its actions as a driver would and remembers them."""

    settings: StreamSettings = field(default_factory=StreamSettings)
    decision: Decision | Refusal | None = field(default_factory=lambda: Decision((ENDPOINT,)))
    target_model: str | None = None
    replies: list[wire.ProcessingResponse] = field(default_factory=list)
    routes: list[Route | RouteAny] = field(default_factory=list)
    started: list[ResponseStarted] = field(default_factory=list)
    body_starts: list[bool] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    closes: list[Close] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = Stream(self.settings)

    @property
    def request(self) -> Request:
        """The one request that was to be routed."""
        assert len(self.routes) == 1
        return self.routes[0].request

    def say(self, *messages: bytes) -> list[wire.ProcessingResponse]:
        """Send messages; return what was answered to them."""
        before = len(self.replies)
        for message in messages:
            self.perform(self.stream.receive(message))
        return self.replies[before:]

    def decide(self, decision: Decision | Refusal) -> list[wire.ProcessingResponse]:
        """Answer the pending route."""
        before = len(self.replies)
        if isinstance(decision, Refusal):
            self.perform(self.stream.refused(decision))
        else:
            self.perform(self.stream.decided(decision, self.routes[-1].request))
        return self.replies[before:]

    def perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            assert not self.closes, "nothing is to be done after Close"
            match action:
                case bytes():
                    self.replies.append(wire.ProcessingResponse.FromString(action))
                case Route(request) | RouteAny(request):
                    self.routes.append(action)
                    if self.target_model is not None:
                        request.target_model = self.target_model
                    if self.decision is not None:
                        self.decide(self.decision)
                case ResponseStarted():
                    self.started.append(action)
                case BodyStarted(is_streaming):
                    self.body_starts.append(is_streaming)
                case Finished():
                    self.finished.append(action)
                case Refused(refusal):
                    self.refusals.append(refusal)
                case Close():
                    self.closes.append(action)


@pytest.fixture(scope="session")
def envoy() -> type[Envoy]:
    return Envoy


@pytest.fixture(scope="session")
def conversation() -> type[Conversation]:
    return Conversation


def _headers_set(reply: wire.ProcessingResponse) -> dict[str, str]:
    kind = reply.WhichOneof("response")
    content = getattr(reply, kind)
    return {
        option.header.key: option.header.raw_value.decode()
        for option in content.response.header_mutation.set_headers
    }


def _echoed(replies: Sequence[wire.ProcessingResponse]) -> list[tuple[bytes, bool]]:
    streamed = []
    for reply in replies:
        kind = reply.WhichOneof("response")
        if kind in {"request_body", "response_body"}:
            piece = getattr(reply, kind).response.body_mutation.streamed_response
            streamed.append((piece.body, piece.end_of_stream))
    return streamed


@pytest.fixture(scope="session")
def headers_set() -> Callable[..., dict[str, str]]:
    """Read the headers a reply sets."""
    return _headers_set


@pytest.fixture(scope="session")
def echoed() -> Callable[..., list[tuple[bytes, bool]]]:
    """Read the streamed pieces in replies: bytes and end-of-stream."""
    return _echoed


@pytest.fixture(scope="session")
def endpoint() -> Endpoint:
    return ENDPOINT
