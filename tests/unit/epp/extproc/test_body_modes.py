"""The other ways in which Envoy hands over a request body."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.extproc.actions import Route, RouteAny
from epp.extproc.request_side import MAX_HELD_BYTES
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
Read = Callable[..., Any]
Replies = Sequence[wire.ProcessingResponse]

BODY = b'{"model":"sql-lora", "prompt":"test", "n": 1.0}'
DESTINATION = "x-gateway-destination-endpoint"


def kinds(replies: Replies) -> list[str | None]:
    return [reply.WhichOneof("response") for reply in replies]


@pytest.mark.parametrize("mode", ["BUFFERED", "BUFFERED_PARTIAL"])
def test_buffered_headers_are_answered_at_once_and_the_body_with_the_destination(
    envoy: Any, conversation: Talk, headers_set: Read, mode: str
) -> None:
    talk = conversation()

    first = talk.say(envoy.headers(modes=(getattr(envoy, mode), envoy.NONE)))
    second = talk.say(envoy.body(BODY))

    assert kinds(first) == ["request_headers"]
    assert headers_set(first[0]) == {}
    assert kinds(second) == ["request_body"]
    assert headers_set(second[0]) == {DESTINATION: "192.168.1.2:8000"}
    assert second[0].request_body.response.clear_route_cache
    assert not second[0].request_body.response.HasField("body_mutation")
    metadata = second[0].dynamic_metadata.fields["envoy.lb"].struct_value
    assert dict(metadata.items()) == {DESTINATION: "192.168.1.2:8000"}


def test_a_buffered_body_changes_with_its_model_and_so_does_its_length(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    talk = conversation(target_model="other")

    reply = talk.say(envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)), envoy.body(BODY))[-1]

    body = reply.request_body.response.body_mutation.body
    assert body == b'{"model":"other", "prompt":"test", "n": 1.0}'
    assert headers_set(reply)["content-length"] == str(len(body))


def test_buffered_control_headers_are_removed_with_the_headers(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    control = {"x-gateway-inference-objective": "chat", "x-request-id": ""}

    reply = conversation().say(envoy.headers(control, modes=(envoy.BUFFERED, envoy.NONE)))[0]

    assert set(headers_set(reply)) == {"x-request-id"}
    assert list(reply.request_headers.response.header_mutation.remove_headers) == [
        "x-gateway-inference-objective"
    ]


def test_a_buffered_body_before_trailers_is_whole(envoy: Any, conversation: Talk) -> None:
    replies = conversation().say(
        envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)),
        envoy.body(BODY, last=False),
        envoy.trailers(),
    )

    assert kinds(replies) == ["request_headers", "request_body", "request_trailers"]


def test_a_partial_body_that_cannot_be_read_is_routed_by_its_headers(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    talk = conversation()

    replies = talk.say(
        envoy.headers(modes=(envoy.BUFFERED_PARTIAL, envoy.NONE)),
        envoy.body(BODY[:20], last=False),
    )

    assert isinstance(talk.routes[0], RouteAny)
    assert headers_set(replies[1]) == {DESTINATION: "192.168.1.2:8000"}


@pytest.mark.parametrize("mode", ["NONE", "STREAMED"])
def test_without_a_body_to_wait_for_the_headers_decide(
    envoy: Any, conversation: Talk, headers_set: Read, mode: str
) -> None:
    talk = conversation()

    replies = talk.say(envoy.headers(modes=(getattr(envoy, mode), envoy.NONE)))

    assert isinstance(talk.routes[0], RouteAny)
    assert headers_set(replies[0]) == {DESTINATION: "192.168.1.2:8000"}


def test_streamed_chunks_pass_as_they_are_once_the_headers_decided(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation()
    talk.say(envoy.headers(modes=(envoy.STREAMED, envoy.NONE)))

    replies = talk.say(envoy.body(b"a", last=False), envoy.body(b"b"), envoy.trailers())

    assert kinds(replies) == ["request_body", "request_body", "request_trailers"]
    assert not replies[0].request_body.response.HasField("body_mutation")


def test_streamed_chunks_sent_ahead_are_held_until_the_body_decides(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    talk = conversation(target_model="other")

    silence = talk.say(
        envoy.headers(modes=(envoy.STREAMED, envoy.NONE), eager=True),
        envoy.body(BODY[:10], last=False),
    )
    replies = talk.say(envoy.body(BODY[10:], last=False), envoy.body(b""))

    assert silence == []
    assert isinstance(talk.routes[0], Route)
    assert kinds(replies) == ["request_headers", "request_body", "request_body", "request_body"]
    assert headers_set(replies[0]) == {DESTINATION: "192.168.1.2:8000"}
    first, *others = [reply.request_body.response.body_mutation for reply in replies[1:]]
    assert orjson.loads(first.body)["model"] == "other"
    assert [mutation.clear_body for mutation in others] == [True, True]


def test_chunks_are_not_held_for_longer_than_envoy_keeps_sending(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation()
    chunk = b"x" * (MAX_HELD_BYTES // 2 + 1)

    replies = talk.say(
        envoy.headers(modes=(envoy.STREAMED, envoy.NONE), eager=True),
        envoy.body(chunk, last=False),
        envoy.body(chunk, last=False),
        envoy.body(chunk),
    )

    assert isinstance(talk.routes[0], RouteAny)
    assert kinds(replies) == ["request_headers"] + ["request_body"] * 3


def test_where_the_filter_allows_it_a_streamed_body_is_asked_for_as_a_whole(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(allow_mode_override=True))

    replies = talk.say(envoy.headers(modes=(envoy.STREAMED, envoy.NONE)), envoy.body(BODY))

    assert replies[0].mode_override.request_body_mode == envoy.BUFFERED
    assert replies[0].mode_override.response_header_mode == 2  # SKIP
    assert isinstance(talk.routes[0], Route)


@pytest.mark.parametrize(("mode", "is_refused"), [("BUFFERED", True), ("BUFFERED_PARTIAL", False)])
def test_a_buffered_body_that_is_announced_as_too_large_is_not_waited_for(
    envoy: Any, conversation: Talk, mode: str, is_refused: bool
) -> None:
    talk = conversation(settings=StreamSettings(max_body_bytes=100))

    (reply,) = talk.say(
        envoy.headers({"content-length": "101"}, modes=(getattr(envoy, mode), envoy.NONE))
    )

    assert (reply.immediate_response.status.code == 413) is is_refused


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        (b"half \\ud83d of it", b"half \\ufffd of it"),
        (
            b"both \\ud83d\\ude00, text \\\\ud83d, \\ude00",
            b"both \\ud83d\\ude00, text \\\\ud83d, \\ufffd",
        ),
        (b"latin-1 \xe9", "latin-1 \ufffd".encode()),
    ],
)
@pytest.mark.parametrize("target", ["sql-lora", "other"])
def test_what_is_no_unicode_is_replaced_as_by_go_instead_of_refused(
    envoy: Any,
    conversation: Talk,
    headers_set: Read,
    *,
    sent: bytes,
    passed_on: bytes,
    target: str,
) -> None:
    talk = conversation(target_model=target)
    body = b'{"model":"sql-lora","prompt":"%s"}'

    reply = talk.say(envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)), envoy.body(body % sent))[-1]

    new = reply.request_body.response.body_mutation.body
    assert new == (body % passed_on).replace(b"sql-lora", target.encode())
    assert headers_set(reply)["content-length"] == str(len(new))


def test_what_is_no_unicode_in_a_full_duplex_body_is_replaced_too(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation()
    body = b'{"model":"sql-lora","prompt":"\\ud83d"}'

    replies = talk.say(envoy.headers(), envoy.body(body[:9], last=False), envoy.body(body[9:]))

    assert b"".join(piece for piece, _ in echoed(replies)) == body.replace(b"ud83d", b"ufffd")
