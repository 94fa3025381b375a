"""Clients see the model that they asked for, and every other byte as it came."""

from collections.abc import Callable
from typing import Any

import pytest

Talk = Callable[..., Any]
Read = Callable[..., Any]
BODY = b'{"model":"sold","prompt":"p"}'
JSON = {":status": "200", "content-type": "application/json"}
ANSWER = b'{"id":1, "model": "served-7b","x":"\\"model\\":\\"served-7b\\"","n":1.0}'
WANTED = ANSWER.replace(b'"model": "served-7b"', b'"model": "sold"')


def answered(talk: Any, envoy: Any, response: str, *chunks: bytes, trailers: bool = False) -> Any:
    request = "FULL_DUPLEX" if response == "FULL_DUPLEX" else "BUFFERED"
    talk.say(
        envoy.headers(modes=(getattr(envoy, request), getattr(envoy, response))),
        envoy.body(BODY),
        envoy.response_headers(JSON),
    )
    messages = [
        envoy.response_body(chunk, last=index == len(chunks) and not trailers)
        for index, chunk in enumerate(chunks, 1)
    ]
    return talk.say(*messages, *([envoy.response_trailers()] if trailers else []))


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_a_name_is_given_back_wherever_it_is_cut(
    envoy: Any, conversation: Talk, echoed: Read, cut: int
) -> None:
    talk = conversation(target_model="served-7b")

    replies = answered(talk, envoy, "FULL_DUPLEX", ANSWER[:cut], ANSWER[cut:])

    pieces = echoed(replies)
    assert b"".join(piece for piece, _ in pieces) == WANTED
    assert [is_last for _, is_last in pieces][-1]


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_nothing_that_was_held_back_is_lost_before_trailers(
    envoy: Any, conversation: Talk, echoed: Read, cut: int
) -> None:
    talk = conversation(target_model="served-7b")

    replies = answered(talk, envoy, "FULL_DUPLEX", ANSWER[:cut], trailers=True)

    pieces = echoed(replies)
    assert b"".join(piece for piece, _ in pieces) == ANSWER[:cut].replace(
        b'"model": "served-7b"', b'"model": "sold"'
    )
    assert replies[-1].WhichOneof("response") == "response_trailers"


def test_events_that_hold_no_beginning_of_a_name_are_not_held_back(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation(target_model="served-7b")
    event = b'data: {"model":"served-7b"}\n\n'

    replies = answered(talk, envoy, "FULL_DUPLEX", event, event)

    named = b'data: {"model":"sold"}\n\n'
    assert echoed(replies) == [(named, False), (named, True)]


def test_a_chunk_that_envoy_keeps_is_replaced_only_if_it_changes(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(target_model="served-7b")

    first, second = answered(talk, envoy, "STREAMED", b"{}", ANSWER)

    assert not first.response_body.response.HasField("body_mutation")
    assert second.response_body.response.body_mutation.body == WANTED


def test_a_whole_body_gets_its_new_length(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    talk = conversation(target_model="served-7b")

    (reply,) = answered(talk, envoy, "BUFFERED", ANSWER)

    assert reply.response_body.response.body_mutation.body == WANTED
    assert headers_set(reply) == {"content-length": str(len(WANTED))}


def test_the_sizes_and_tokens_that_are_counted_are_the_model_servers(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(target_model="served-7b")

    answered(talk, envoy, "FULL_DUPLEX", ANSWER)

    assert talk.finished[0].response_bytes == len(ANSWER)


def test_names_that_are_the_same_are_not_looked_for(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    pieces = echoed(answered(conversation(), envoy, "FULL_DUPLEX", b'x"mod', b"el"))

    assert pieces == [(b'x"mod', False), (b"el", True)]
