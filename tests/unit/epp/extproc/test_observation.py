"""What of the responses is asked for, and that nothing is lost where it is not given."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.extproc import observation
from epp.extproc.observation import FULL, HEADERS, OFF
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
SEND = 1
BODY = b'{"model":"m","prompt":"p"}'
JSON = {":status": "200", "content-type": "application/json"}


def first_reply(talk: Any, envoy: Any, request: str, response: str = "NONE", **more: Any) -> Any:
    modes = (getattr(envoy, request), getattr(envoy, response))
    return talk.say(envoy.headers(modes=modes, **more))[0]


@pytest.mark.parametrize(
    ("text", "wants_headers", "body_share"),
    [
        ("off", False, 0.0),
        ("headers", True, 0.0),
        ("full", True, 1.0),
        ("sampled:0.25", True, 0.25),
        ("sampled:0", True, 0.0),
        ("sampled:1", True, 1.0),
    ],
)
def test_the_choice_is_read(text: str, wants_headers: bool, body_share: float) -> None:
    chosen = observation.parse(text)

    assert (chosen.wants_headers, chosen.body_share) == (wants_headers, body_share)


@pytest.mark.parametrize(
    "text", ["", "on", "sampled", "sampled:", "sampled:2", "sampled:-1", "sampled:nan", "full:1"]
)
def test_a_choice_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not off, headers, sampled:P"):
        observation.parse(text)


def test_a_share_of_the_bodies_is_asked_for_and_of_the_others_the_headers() -> None:
    chances = iter([0.0, 0.3, 0.2499, 0.25])
    sampled = observation.parse("sampled:0.25")

    assert [sampled.wants_body(lambda: next(chances)) for _ in range(4)] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("chosen", "body_mode"), [(HEADERS, "NONE"), (FULL, "STREAMED")])
def test_the_response_is_asked_for(
    envoy: Any, conversation: Talk, chosen: Any, body_mode: str
) -> None:
    talk = conversation(settings=StreamSettings(observation=chosen))

    override = first_reply(talk, envoy, "BUFFERED").mode_override

    assert override.request_body_mode == envoy.BUFFERED
    assert override.response_header_mode == SEND
    assert override.response_body_mode == getattr(envoy, body_mode)


def test_the_response_to_a_request_without_a_body_is_asked_for_too(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(observation=HEADERS))

    reply = first_reply(talk, envoy, "BUFFERED", last=True)

    assert reply.mode_override.response_header_mode == SEND


@pytest.mark.parametrize(
    ("request_mode", "response_mode", "eager"),
    [("FULL_DUPLEX", "FULL_DUPLEX", False), ("STREAMED", "NONE", True)],
)
def test_nothing_is_asked_for_where_the_proxy_dictates(
    envoy: Any, conversation: Talk, request_mode: str, response_mode: str, eager: bool
) -> None:
    talk = conversation(settings=StreamSettings(observation=FULL))
    modes = (getattr(envoy, request_mode), getattr(envoy, response_mode))

    replies = talk.say(envoy.headers(modes=modes, eager=eager), envoy.body(BODY))

    assert not any(reply.HasField("mode_override") for reply in replies)


def test_nothing_is_asked_for_when_nothing_is_to_be_observed(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(observation=OFF))

    assert not first_reply(talk, envoy, "BUFFERED").HasField("mode_override")


def test_a_response_in_one_piece_is_left_to_whoever_wanted_it(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(observation=HEADERS))

    override = first_reply(talk, envoy, "BUFFERED", "BUFFERED").mode_override

    assert override.response_body_mode == envoy.BUFFERED


def test_a_streamed_request_stays_one_unless_the_filter_is_known_to_allow_changes(
    envoy: Any, conversation: Talk
) -> None:
    reply = first_reply(
        conversation(settings=StreamSettings(observation=HEADERS)), envoy, "STREAMED"
    )

    assert reply.mode_override.request_body_mode == envoy.STREAMED


def test_an_override_that_the_proxy_ignores_costs_nothing_but_the_view(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(observation=FULL))

    talk.say(envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)), envoy.body(BODY))
    talk.perform(talk.stream.half_closed())

    assert [finished.outcome.is_complete for finished in talk.finished] == [True]


def test_a_reset_after_the_headers_of_a_body_that_is_not_shown_is_the_end(
    envoy: Any, conversation: Talk
) -> None:
    ends = {}
    for chosen in (HEADERS, FULL):
        talk = conversation(settings=StreamSettings(observation=chosen))
        talk.say(
            envoy.headers(modes=(envoy.BUFFERED, envoy.NONE)),
            envoy.body(BODY),
            envoy.response_headers(JSON),
        )
        talk.perform(talk.stream.aborted())
        ends[chosen.text] = [finished.outcome.is_complete for finished in talk.finished]

    assert ends == {"headers": [True], "full": [False]}


def test_the_first_bytes_of_a_body_are_told_once_and_not_when_they_are_none(
    envoy: Any, conversation: Talk
) -> None:
    for headers, is_streaming in ((JSON, False), ({"content-type": "text/event-stream"}, True)):
        talk = conversation()
        talk.say(envoy.response_headers(headers), envoy.response_body(b""))
        assert talk.body_starts == []

        talk.say(envoy.response_body(b"a"), envoy.response_body(b"b", last=True))

        assert talk.body_starts == [is_streaming]
