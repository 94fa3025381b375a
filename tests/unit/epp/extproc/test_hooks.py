"""Plugins see responses in every mode, and what they say arrives."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from epp.api.plugin import ResponseHead
from epp.api.request import Decision, Request, Usage
from epp.extproc.hooks import ResponseHooks
from epp.extproc.observation import HEADERS
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
Read = Callable[..., Any]
BODY = b'{"model":"m","prompt":"p"}'
JSON = {":status": "200", "content-type": "application/json"}
ANSWER = b'{"usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}}'
SERVED = "10.0.0.9:8000"


class Onlooker:
    """Notes what it is told; marks responses and reports their tokens."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int, str]] = []

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        model = request.model if request else ""
        endpoint = decision.primary.name if decision else ""
        self.seen.append((model, endpoint, response.status, response.served))
        return [("x-seen", response.headers["content-type"])]

    def report(
        self, request: Request | None, usage: Usage | None
    ) -> Mapping[str, Mapping[str, float | str]]:
        if usage is None:
            return {}
        return {"envoy.lb": {"cost": usage.total_tokens, "who": request.model if request else ""}}


class Broken:
    def responded(self, *_: object) -> Sequence[tuple[str, str]]:
        raise RuntimeError("broken")

    def report(self, *_: object) -> Mapping[str, Mapping[str, float | str]]:
        raise RuntimeError("broken")


def metadata_of(reply: Any) -> dict[str, Any]:
    return {
        namespace: dict(value.struct_value.items())
        for namespace, value in reply.dynamic_metadata.fields.items()
    }


@pytest.fixture
def onlooker() -> Onlooker:
    return Onlooker()


@pytest.fixture
def settings(onlooker: Onlooker) -> StreamSettings:
    return StreamSettings(observation=HEADERS, hooks=ResponseHooks([onlooker, object()]))


@pytest.mark.parametrize(
    "modes",
    ["FULL_DUPLEX FULL_DUPLEX", "BUFFERED STREAMED", "BUFFERED BUFFERED", "STREAMED STREAMED"],
)
def test_plugins_see_the_response_of_their_request(
    envoy: Any,
    conversation: Talk,
    headers_set: Read,
    onlooker: Onlooker,
    modes: str,
) -> None:
    hooks = ResponseHooks([onlooker])
    talk = conversation(settings=StreamSettings(observation=HEADERS, hooks=hooks))
    request_mode, response_mode = modes.split()
    both = (getattr(envoy, request_mode), getattr(envoy, response_mode))
    served = envoy.metadata("envoy.lb", {"x-gateway-destination-endpoint-served": SERVED})

    talk.say(envoy.headers(modes=both), envoy.body(BODY))
    head, body = talk.say(
        envoy.response_headers(JSON, metadata=served), envoy.response_body(ANSWER, last=True)
    )

    # A streamed body passes after its headers were answered, so that nobody has read the model.
    model = "" if request_mode == "STREAMED" else "m"
    assert onlooker.seen == [(model, "pod-1", 200, SERVED)]
    assert headers_set(head) == {
        "x-went-into-resp-headers": "true",
        "x-seen": "application/json",
    }
    assert metadata_of(body) == {"envoy.lb": {"cost": 17, "who": model}}


def test_plugins_see_a_response_whose_request_was_not_seen(
    envoy: Any, conversation: Talk, settings: StreamSettings, onlooker: Onlooker
) -> None:
    talk = conversation(settings=settings)

    replies = talk.say(
        envoy.response_headers(JSON),
        envoy.response_body(ANSWER),
        envoy.response_body(b"", last=True),
    )

    assert onlooker.seen == [("", "", 200, "")]
    assert [metadata_of(reply) for reply in replies] == [
        {},
        {},
        {"envoy.lb": {"cost": 17, "who": ""}},
    ]


def test_the_report_goes_with_the_last_of_several_pieces(
    envoy: Any, conversation: Talk, settings: StreamSettings
) -> None:
    talk = conversation(settings=settings)

    replies = talk.say(
        envoy.response_headers(JSON),
        envoy.response_body(ANSWER + b" " * 62_000, last=True),
    )

    assert [bool(metadata_of(reply)) for reply in replies] == [False, False, True]


def test_the_report_goes_with_trailers_when_these_end_the_response(
    envoy: Any, conversation: Talk, settings: StreamSettings
) -> None:
    talk = conversation(settings=settings)

    replies = talk.say(
        envoy.response_headers(JSON), envoy.response_body(ANSWER), envoy.response_trailers()
    )

    assert [bool(metadata_of(reply)) for reply in replies] == [False, False, True]


def test_a_plugin_that_fails_has_said_nothing_and_stops_nobody(
    envoy: Any, conversation: Talk, headers_set: Read, caplog: pytest.LogCaptureFixture
) -> None:
    talk = conversation(
        settings=StreamSettings(observation=HEADERS, hooks=ResponseHooks([Broken(), Onlooker()]))
    )

    with caplog.at_level(logging.ERROR):
        head, body = talk.say(envoy.response_headers(JSON), envoy.response_body(ANSWER, last=True))

    assert "x-seen" in headers_set(head)
    assert metadata_of(body)["envoy.lb"]["cost"] == 17
    assert len(caplog.records) == 2
