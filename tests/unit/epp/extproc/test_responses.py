"""The response half: it passes, and what it tells is told on."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.plugin import Outcome
from epp.api.request import Usage
from epp.extproc import observation
from epp.extproc.actions import Finished, ResponseStarted
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
Read = Callable[..., Any]
Replies = Sequence[wire.ProcessingResponse]

JSON = {":status": "200", "content-type": "application/json"}
EVENTS = {"status": "200", "content-type": "text/event-stream; charset=utf-8"}
COMPLETION = b'{"id":"1","usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}'
OBSERVING = StreamSettings(observation=observation.HEADERS)


def kinds(replies: Replies) -> list[str | None]:
    return [reply.WhichOneof("response") for reply in replies]


def test_a_stream_may_begin_with_the_response(
    envoy: Any, conversation: Talk, headers_set: Read, echoed: Read
) -> None:
    talk = conversation(settings=OBSERVING)
    duplex = (envoy.FULL_DUPLEX, envoy.FULL_DUPLEX)

    replies = talk.say(
        envoy.response_headers(JSON, modes=duplex),
        envoy.response_body(COMPLETION[:20]),
        envoy.response_body(COMPLETION[20:], last=True),
    )

    assert kinds(replies) == ["response_headers", "response_body", "response_body"]
    assert headers_set(replies[0]) == {"x-went-into-resp-headers": "true"}
    pieces = echoed(replies)
    assert b"".join(piece for piece, _ in pieces) == COMPLETION
    assert [is_last for _, is_last in pieces] == [False, True]
    assert talk.finished == [
        Finished(Outcome(200, usage=Usage(7, 10, 17, 0)), len(COMPLETION), False)
    ]


def test_a_response_that_is_no_json_passes_unchanged(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation(settings=OBSERVING)

    replies = talk.say(
        envoy.response_headers(JSON), envoy.response_body(b"no healthy upstream", last=True)
    )

    assert echoed(replies) == [(b"no healthy upstream", True)]
    assert talk.finished[0].usage is None


def test_an_empty_last_chunk_ends_the_response(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation(settings=OBSERVING)

    replies = talk.say(
        envoy.response_headers(JSON),
        envoy.response_body(COMPLETION),
        envoy.response_body(b"", last=True),
    )

    assert echoed(replies) == [(COMPLETION, False), (b"", True)]
    assert talk.finished[0].usage == Usage(7, 10, 17, 0)


def test_events_are_echoed_at_once_and_their_tokens_counted(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    chunks = [
        b"data: {}\n\n",
        b"data: " + COMPLETION + b"\n\ndata: [DONE]\n\n",
        b"",
    ]
    talk = conversation(settings=OBSERVING)

    talk.say(envoy.response_headers(EVENTS))
    answers = [echoed(talk.say(envoy.response_body(chunk, last=not chunk))) for chunk in chunks]

    assert answers == [[(chunk, not chunk)] for chunk in chunks]
    size = sum(map(len, chunks))
    assert talk.finished == [Finished(Outcome(200, usage=Usage(7, 10, 17, 0)), size, True)]


def test_usage_is_not_looked_for_when_nothing_is_to_be_observed(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(observation=observation.OFF))

    talk.say(envoy.response_headers(JSON), envoy.response_body(COMPLETION, last=True))

    assert talk.finished[0].usage is None


@pytest.mark.parametrize("mode", ["STREAMED", "BUFFERED", "BUFFERED_PARTIAL"])
def test_chunks_envoy_keeps_are_waved_through(envoy: Any, conversation: Talk, mode: str) -> None:
    modes = (envoy.BUFFERED, getattr(envoy, mode))

    replies = conversation().say(
        envoy.response_headers(JSON, modes=modes), envoy.response_body(COMPLETION, last=True)
    )

    assert kinds(replies) == ["response_headers", "response_body"]
    assert not replies[1].response_body.response.HasField("body_mutation")


def test_response_trailers_are_answered_and_end_the_response(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation()

    replies = talk.say(
        envoy.response_headers(JSON),
        envoy.response_body(COMPLETION),
        envoy.response_trailers(),
    )

    assert kinds(replies) == ["response_headers", "response_body", "response_trailers"]
    assert talk.finished[0].outcome == Outcome(200)


def test_a_large_response_chunk_is_echoed_in_pieces(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation()

    replies = talk.say(envoy.response_headers(JSON), envoy.response_body(b"x" * 62_001, last=True))

    assert [(len(piece), is_last) for piece, is_last in echoed(replies)] == [
        (62_000, False),
        (1, True),
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({":status": "503"}, 503), ({"status": "404"}, 404), ({}, 0), ({":status": "²00"}, 0)],
)
def test_the_status_and_who_served_are_told(
    envoy: Any, conversation: Talk, headers: dict[str, str], status: int
) -> None:
    talk = conversation()
    metadata = envoy.metadata(
        "envoy.lb", {"x-gateway-destination-endpoint-served": "10.0.0.9:8000"}
    )

    talk.say(envoy.response_headers(headers, metadata=metadata, last=True))

    assert talk.started == [ResponseStarted(status, "10.0.0.9:8000")]
    assert [finished.outcome for finished in talk.finished] == [
        Outcome(status, served="10.0.0.9:8000")
    ]
