"""Reads a request as the proxy would hand it over, without a proxy."""

from collections.abc import Mapping

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.errors import Code, Refusal
from epp.api.request import Request
from epp.extproc.actions import Refused, Route, RouteAny
from epp.extproc.messages import BodyMode
from epp.extproc.settings import StreamSettings
from epp.extproc.stream import Stream
from epp.parsing.guess import guessed_path


def read_request(settings: StreamSettings, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request that these headers and this body are.

    It takes the way of every request, through a stream of its own, so that it is read like all.

    Args:
        settings: of the streams.
        headers: with ``:path``, without which it is guessed from the body.
        body: as it would be sent; empty for a request without one.

    Raises:
        Refusal: it cannot be read, or holds nothing to decide about.
    """
    full = {
        ":method": "POST" if body else "GET",
        ":path": guessed_path(body),
        "content-type": "application/json",
        **{name.lower(): value for name, value in headers.items()},
    }
    stream = Stream(settings)
    try:
        for message in _messages(full, body):
            for action in stream.receive(message.SerializeToString()):
                if isinstance(action, (Route, RouteAny)):
                    return action.request
                if isinstance(action, Refused):
                    raise action.refusal
    finally:
        stream.aborted()
    raise Refusal(Code.BAD_REQUEST, "there is nothing to decide in this request")


def _messages(headers: Mapping[str, str], body: bytes) -> list[wire.ProcessingRequest]:
    entries = [
        wire.HeaderValue(key=name, raw_value=value.encode("utf-8", "replace"))
        for name, value in headers.items()
    ]
    buffered = wire.ProtocolConfiguration(
        request_body_mode=BodyMode.BUFFERED,  # type: ignore[arg-type] # the numbers are the same
        response_body_mode=BodyMode.NONE,  # type: ignore[arg-type]
    )
    first = wire.ProcessingRequest(
        request_headers=wire.HttpHeaders(
            headers=wire.HeaderMap(headers=entries), end_of_stream=not body
        ),
        protocol_config=buffered,
    )
    if not body:
        return [first]
    second = wire.ProcessingRequest(request_body=wire.HttpBody(body=body, end_of_stream=True))
    return [first, second]
