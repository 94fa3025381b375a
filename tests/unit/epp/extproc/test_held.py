"""Request bodies that are held are counted, bounded, and given back however it ends."""

from collections.abc import Callable
from typing import Any

import pytest

from epp.api.errors import Code, Refusal
from epp.extproc.held import HeldBodies
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
BODY = b'{"model":"m","prompt":"p"}'


@pytest.fixture
def bodies() -> HeldBodies:
    return HeldBodies(100)


@pytest.fixture
def settings(bodies: HeldBodies) -> StreamSettings:
    return StreamSettings(bodies=bodies)


def test_a_body_is_held_until_it_is_passed_on(
    envoy: Any, conversation: Talk, settings: StreamSettings, bodies: HeldBodies
) -> None:
    talk = conversation(settings=settings)
    talk.say(envoy.headers(), envoy.body(BODY[:10], last=False))
    assert bodies.held == 10

    talk.say(envoy.body(BODY[10:]))

    assert bodies.held == 0


@pytest.mark.parametrize("mode", ["BUFFERED", "FULL_DUPLEX"])
def test_a_body_is_held_while_its_request_waits(
    envoy: Any, conversation: Talk, settings: StreamSettings, bodies: HeldBodies, mode: str
) -> None:
    talk = conversation(settings=settings, decision=None)
    talk.say(envoy.headers(modes=(getattr(envoy, mode), envoy.NONE)), envoy.body(BODY))
    assert bodies.held == len(BODY)

    talk.decide(Refusal(Code.RESOURCE_EXHAUSTED, "no"))

    assert bodies.held == 0


@pytest.mark.parametrize("end", ["half_closed", "aborted"])
def test_a_body_is_given_back_when_its_client_leaves(
    envoy: Any, conversation: Talk, settings: StreamSettings, bodies: HeldBodies, end: str
) -> None:
    talk = conversation(settings=settings)
    talk.say(envoy.headers(), envoy.body(BODY[:10], last=False))

    talk.perform(getattr(talk.stream, end)())

    assert bodies.held == 0


def test_a_body_without_room_is_answered_503_and_the_others_go_on(
    envoy: Any, conversation: Talk, settings: StreamSettings, bodies: HeldBodies
) -> None:
    first, second = conversation(settings=settings), conversation(settings=settings)
    first.say(envoy.headers(), envoy.body(b" " * 60, last=False))

    (reply,) = second.say(envoy.headers(), envoy.body(b" " * 60, last=False))

    assert reply.immediate_response.status.code == 503
    assert bodies.held == 60
    assert first.say(envoy.body(BODY))[0].WhichOneof("response") == "request_headers"
    assert bodies.held == 0


def test_what_does_not_belong_here_gives_the_body_back(
    envoy: Any, conversation: Talk, settings: StreamSettings, bodies: HeldBodies
) -> None:
    talk = conversation(settings=settings)
    talk.say(envoy.headers(), envoy.body(BODY[:10], last=False), envoy.headers())

    assert [close.code for close in talk.closes] == [3]
    assert bodies.held == 0
