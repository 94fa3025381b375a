"""The lines of a request identify it and hold nothing of what its client said."""

import json
import logging

import pytest

from epp.api.endpoint import Endpoint
from epp.api.errors import no_target
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request, Usage
from epp.server.flags import parse
from epp.server.logs import VERBOSE, JsonFormatter
from epp.server.logs_requests import RequestLog

SECRET = "my credit card is 1234"


class Text:
    """A prompt with a text."""

    def head(self, limit: int) -> bytes:
        return SECRET.encode()[:limit]


def request() -> Request:
    return Request(
        "r1",
        {"authorization": SECRET, "cookie": SECRET},
        "llama",
        target_model="llama-2",
        prompt=Text(),
        cache_salt=SECRET,
        body={"prompt": SECRET},
        objective="important",
        priority=7,
    )


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    formatter = JsonFormatter(parse([]).options)
    return [json.loads(formatter.format(record)) for record in caplog.records]


def test_a_request_has_a_line_for_each_of_its_turns(caplog: pytest.LogCaptureFixture) -> None:
    decision = Decision((Endpoint("pod-1", "default", "10.0.0.1", 8000),))
    watch, asked = RequestLog(), request()

    with caplog.at_level(VERBOSE):
        watch.received(asked)
        watch.routed(asked, decision)
        watch.finished(asked, decision, Outcome(200, usage=Usage(7, 5, 12)))
        watch.refused(asked, no_target("none left"))
        watch.refused(None, no_target("none left"))
        watch.abandoned(asked)
    said = lines(caplog)

    assert [line["msg"] for line in said[:2]] == [
        "EPP received request",
        "EPP sent request body response(s) to proxy",
    ]
    assert (
        said[1]
        | {
            "level": "info",
            "logger": "ext-proc",
            "x-request-id": "r1",
            "objectiveKey": "important",
            "incomingModelName": "llama",
            "targetModelName": "llama-2",
            "priority": 7,
            "endpoint": "10.0.0.1:8000",
        }
        == said[1]
    )
    assert said[2] | {"status": 200, "completionTokens": 5} == said[2]
    assert said[3]["code"] == "InferencePoolResourceExhausted"
    assert SECRET not in json.dumps(said)


def test_what_a_client_wrote_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    asked = Request("i" * 10**6, {}, "m" * 10**6, target_model="t" * 10**6, objective="o" * 10**6)

    with caplog.at_level(VERBOSE):
        RequestLog().received(asked)

    assert len(json.dumps(lines(caplog))) < 2000


def test_lines_of_requests_are_not_written_at_the_usual_verbosity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        RequestLog().received(request())

    assert not caplog.records
