"""However an exchange ends, its end is told once, and nothing is said after it."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.api.endpoint import Endpoint
from epp.api.errors import Code, Refusal
from epp.api.plugin import Outcome
from epp.api.request import NO_PROMPT, Decision
from epp.extproc.actions import Close, Finished

Talk = Callable[..., Any]

BODY = b'{"model":"m","prompt":"test","stream":true}'
JSON = {":status": "200", "content-type": "application/json"}
INVALID_ARGUMENT = 3


def routed(envoy: Any, conversation: Talk, mode: int | None = None) -> Any:
    talk = conversation()
    mode = envoy.BUFFERED if mode is None else mode
    talk.say(envoy.headers(modes=(mode, envoy.NONE)), envoy.body(BODY))
    return talk


def test_the_end_of_the_stream_is_the_end_of_the_exchange(envoy: Any, conversation: Talk) -> None:
    talk = routed(envoy, conversation)

    talk.perform(talk.stream.half_closed())

    assert talk.finished == [Finished(Outcome(0, is_complete=True), 0, is_streaming=True)]
    assert talk.closes == [Close(0, "")]


def test_a_reset_is_an_incomplete_end(envoy: Any, conversation: Talk) -> None:
    talk = routed(envoy, conversation)

    talk.perform(talk.stream.aborted())

    assert [finished.outcome for finished in talk.finished] == [Outcome(0, is_complete=False)]


def test_a_reset_in_mid_response_keeps_the_status(envoy: Any, conversation: Talk) -> None:
    talk = routed(envoy, conversation, envoy.FULL_DUPLEX)
    talk.say(envoy.response_headers(JSON), envoy.response_body(b"abc"))

    talk.perform(talk.stream.aborted())

    assert talk.finished == [Finished(Outcome(200, is_complete=False, usage=None), 3, False)]


def test_the_end_of_the_response_is_told_before_the_stream_ends_and_only_once(
    envoy: Any, conversation: Talk
) -> None:
    talk = routed(envoy, conversation, envoy.FULL_DUPLEX)
    talk.say(envoy.response_headers(JSON), envoy.response_body(b"abc", last=True))

    told = list(talk.finished)
    talk.perform(talk.stream.half_closed())
    talk.perform(talk.stream.aborted())

    assert told == talk.finished
    assert len(told) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_a_stream_that_ends_before_it_is_routed_has_nothing_to_finish(
    envoy: Any, conversation: Talk, before: int
) -> None:
    talk = conversation()
    talk.say(*[envoy.headers()] * before)

    talk.perform(talk.stream.half_closed())

    assert talk.finished == []
    assert talk.closes == [Close(0, "")]


def test_a_refused_request_has_nothing_to_finish(envoy: Any, conversation: Talk) -> None:
    talk = conversation()
    talk.say(envoy.headers(), envoy.body(b"no json"))

    talk.perform(talk.stream.half_closed())
    talk.perform(talk.stream.aborted())

    assert talk.finished == []


def test_messages_may_come_while_the_director_thinks(
    envoy: Any, conversation: Talk, endpoint: Endpoint
) -> None:
    talk = conversation(decision=None)

    silence = talk.say(envoy.headers(), envoy.body(BODY, last=False), envoy.trailers())
    replies = talk.decide(Decision((endpoint,)))

    assert silence == []
    assert [reply.WhichOneof("response") for reply in replies] == [
        "request_headers",
        "request_body",
        "request_trailers",
    ]


@pytest.mark.parametrize("end", ["aborted", "half_closed"])
def test_a_decision_for_a_client_that_left_is_finished_at_once(
    envoy: Any, conversation: Talk, endpoint: Endpoint, end: str
) -> None:
    talk = conversation(decision=None)
    talk.say(envoy.headers(), envoy.body(BODY))
    talk.perform(getattr(talk.stream, end)())
    assert talk.finished == []
    talk.closes.clear()

    replies = talk.decide(Decision((endpoint,)))

    assert replies == []
    assert [finished.outcome for finished in talk.finished] == [Outcome(0, is_complete=False)]


def test_a_refusal_for_a_client_that_left_says_nothing(envoy: Any, conversation: Talk) -> None:
    talk = conversation(decision=None)
    talk.say(envoy.headers(), envoy.body(BODY))
    talk.perform(talk.stream.aborted())

    assert talk.decide(Refusal(Code.INTERNAL, "too late")) == []
    assert talk.finished == []


def test_a_local_reply_of_envoys_may_overtake_the_decision(
    envoy: Any, conversation: Talk, endpoint: Endpoint
) -> None:
    talk = conversation(decision=None)
    talk.say(envoy.headers(), envoy.body(BODY), envoy.response_headers(JSON, last=True))

    replies = talk.decide(Decision((endpoint,)))

    assert replies == []
    assert [finished.outcome for finished in talk.finished] == [Outcome(200)]


def test_a_body_whose_model_cannot_be_changed_is_refused_and_finished(
    envoy: Any, conversation: Talk
) -> None:
    body = b'{"model":"a","prompt":"p","x":' + b"[" * 500 + b"]" * 500 + b',"model":"b"}'
    talk = conversation(target_model="c")

    replies = talk.say(envoy.headers(), envoy.body(body))

    assert replies[-1].immediate_response.status.code == 400
    assert [finished.outcome for finished in talk.finished] == [Outcome(0, is_complete=False)]
    assert talk.closes == [Close(0, "")]


def test_a_second_decision_is_ignored(envoy: Any, conversation: Talk, endpoint: Endpoint) -> None:
    talk = routed(envoy, conversation)

    assert talk.decide(Decision((endpoint,))) == []
    assert talk.decide(Refusal(Code.INTERNAL, "changed my mind")) == []


def test_the_body_is_let_go_once_it_is_answered(envoy: Any, conversation: Talk) -> None:
    talk = routed(envoy, conversation)

    assert talk.request.prompt is NO_PROMPT


def test_a_buffered_stream_is_idle_once_answered_so_that_a_drain_may_end_it(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation()
    before = talk.stream.is_idle
    talk.say(envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)), envoy.body(BODY))

    assert (before, talk.stream.is_idle) == (False, True)


def test_a_stream_that_carries_the_response_is_not_idle(envoy: Any, conversation: Talk) -> None:
    talk = conversation()
    talk.say(envoy.headers(), envoy.body(BODY), envoy.response_headers(JSON))

    assert not talk.stream.is_idle


def sequences(envoy: Any) -> dict[str, list[bytes]]:
    headers, body = envoy.headers(), envoy.body(BODY)
    buffered = envoy.headers(modes=(envoy.BUFFERED, envoy.NONE))
    return {
        "garbage": [b"\xff\xff\xff"],
        "nothing": [b""],
        "two headers": [headers, headers],
        "body after its end": [headers, body, body],
        "two buffered bodies": [buffered, body, body],
        "buffered body after a part": [buffered, envoy.body(BODY, last=False), body],
        "body without headers": [body],
        "trailers first": [envoy.trailers()],
        "trailers twice": [headers, body, envoy.trailers(), envoy.trailers()],
        "unsupported mode": [envoy.headers(modes=(5, 0))],
        "body where none was announced": [envoy.headers(modes=(0, 0)), body],
        "two response headers": [envoy.response_headers(JSON)] * 2,
        "response after its end": [
            envoy.response_headers(JSON, last=True),
            envoy.response_body(b""),
        ],
        "request after its response": [envoy.response_headers(JSON), headers],
    }


@pytest.mark.parametrize(
    "name",
    [
        "garbage",
        "nothing",
        "two headers",
        "body after its end",
        "two buffered bodies",
        "buffered body after a part",
        "body without headers",
        "trailers first",
        "trailers twice",
        "unsupported mode",
        "body where none was announced",
        "two response headers",
        "response after its end",
        "request after its response",
    ],
)
def test_what_makes_no_sense_ends_the_stream_with_invalid_argument(
    envoy: Any, conversation: Talk, name: str
) -> None:
    talk = conversation()

    talk.say(*sequences(envoy)[name])

    assert [close.code for close in talk.closes] == [INVALID_ARGUMENT]
    assert talk.closes[0].message
    assert len(talk.finished) <= 1
    assert talk.say(envoy.headers()) == []
