"""Each refusal in the words of each release: the table of status codes, row by row."""

import pytest

from epp.api.errors import Code, Refusal, no_target
from epp.extproc.wording import RELEASES, Answer, Wording
from epp.parsing.table import ParserTable
from epp.plugins.parsers.openai import OpenAiParser

OLD = ("gaie-1.3", "gaie-1.4")
NEW = ("gaie-1.5", "llm-d-0.9")
GAIE = ("gaie-1.3", "gaie-1.4", "gaie-1.5")

PREFIX = dict.fromkeys(OLD, "inference gateway") | dict.fromkeys(NEW, "inference error")

MISSHAPEN = "failed to extract request data: inference gateway: BadRequest - "
NO_MESSAGE = (
    "invalid chat-completions request: inference gateway: BadRequest - "
    "chat-completions request must have at least one message"
)
NO_CANDIDATES = "failed to find candidate pods for serving the request"
SHED = "system saturated, sheddable request dropped"
FULL = "request rejected pre-queue: queue at capacity"
EXPIRED = "request timed out in queue: request evicted from queue: request TTL expired"
LEFT = "client disconnected: request evicted from queue: request context cancelled"
SHUTDOWN = "internal flow control error: flow controller is not running"
UNHANDLED = "unhandled flow control outcome: Odd"


def answer(release: str, refusal: Refusal) -> Answer:
    return Wording(release).of(refusal)


def text(release: str, refusal: Refusal) -> str:
    """The body after the code."""
    given = answer(release, refusal)
    begin = f"{PREFIX[release]}: {given.code} - "
    body = given.body.decode()
    assert body.startswith(begin)
    return body.removeprefix(begin)


def refused(body: bytes, path: str = "/v1/chat/completions") -> Refusal:
    with pytest.raises(Refusal) as caught:
        ParserTable([OpenAiParser()]).parse(body, {":path": path})
    return caught.value


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("code", list(Code))
def test_the_body_is_prefix_code_and_text(release: str, code: Code) -> None:
    given = answer(release, Refusal(code, "why"))

    name = code.text
    if code is Code.RESOURCE_EXHAUSTED and release in NEW:
        name = "ResourceExhausted"
    assert given == Answer(code.http_status, name, f"{PREFIX[release]}: {name} - why".encode(), "")


@pytest.mark.parametrize("release", RELEASES)
def test_a_body_that_is_no_json_object(release: str) -> None:
    said = text(release, refused(b"no healthy upstream"))

    if release in OLD:
        assert said == "Error unmarshaling request body"
    else:
        assert said == (
            "error unmarshaling request bodyMap: invalid character 'o' in literal null "
            "(expecting 'u')"
        )


@pytest.mark.parametrize("release", RELEASES)
def test_no_model(release: str) -> None:
    assert text(release, refused(b"{}")) == "model not found in request body"


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/v1/completions", "invalid completions request: must have prompt field"),
        (
            "/v1/chat/completions",
            "invalid chat completions request: must have valid messages field",
        ),
        ("/v1/responses", "invalid responses request: must have input field"),
        ("/v1/conversations", "invalid conversations request: must have items field"),
        ("/v1/embeddings", "invalid embeddings request: must have input field"),
    ],
)
def test_a_body_of_a_wrong_shape(path: str, inner: str) -> None:
    refusal = refused(b'{"model":"m"}', path)

    assert text("gaie-1.3", refusal) == MISSHAPEN + NO_MESSAGE
    assert text("gaie-1.4", refusal) == MISSHAPEN + inner
    assert text("gaie-1.5", refusal) == text("llm-d-0.9", refusal) == inner


def test_messages_that_cannot_be_read_had_another_text_at_first() -> None:
    refusal = refused(b'{"model":"m","messages":[1]}')

    assert text("gaie-1.3", refusal) == f"{MISSHAPEN}invalid request format"
    assert text("gaie-1.5", refusal) == (
        "invalid chat completions request: must have valid messages field"
    )


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        pytest.param(
            Refusal(Code.SERVICE_UNAVAILABLE, NO_CANDIDATES),
            {
                **dict.fromkeys(OLD, (503, NO_CANDIDATES)),
                **dict.fromkeys(
                    NEW, (503, "failed to find endpoint candidates for serving the request")
                ),
            },
            id="no candidates",
        ),
        pytest.param(
            Refusal(Code.INTERNAL, "no pods available in datastore"),
            dict.fromkeys(RELEASES, (500, "no pods available in datastore")),
            id="empty pool",
        ),
        pytest.param(
            Refusal(Code.RESOURCE_EXHAUSTED, SHED),
            dict.fromkeys(RELEASES, (429, SHED)),
            id="shed",
        ),
        pytest.param(
            Refusal(Code.INTERNAL, "request cannot be admitted: too slow"),
            {
                **dict.fromkeys(GAIE, (500, "request cannot be admitted")),
                "llm-d-0.9": (500, "request cannot be admitted: too slow"),
            },
            id="not admitted",
        ),
        pytest.param(
            no_target("all filtered"),
            {
                **dict.fromkeys(OLD, (429, "failed to find target pod: all filtered")),
                **dict.fromkeys(NEW, (429, "failed to find target endpoint: all filtered")),
            },
            id="not schedulable",
        ),
        pytest.param(
            Refusal(Code.INTERNAL, "results must be greater than zero"),
            dict.fromkeys(RELEASES, (500, "results must be greater than zero")),
            id="no result",
        ),
        pytest.param(
            Refusal(Code.RESOURCE_EXHAUSTED, FULL),
            dict.fromkeys(RELEASES, (429, FULL)),
            id="queue full",
        ),
        pytest.param(
            Refusal(Code.SERVICE_UNAVAILABLE, EXPIRED),
            {**dict.fromkeys(GAIE, (503, EXPIRED)), "llm-d-0.9": (429, EXPIRED)},
            id="expired in the queue",
        ),
        pytest.param(
            Refusal(Code.SERVICE_UNAVAILABLE, EXPIRED, reason="rejected-no-endpoints"),
            dict.fromkeys(RELEASES, (503, EXPIRED)),
            id="expired without an endpoint",
        ),
        pytest.param(
            Refusal(Code.SERVICE_UNAVAILABLE, LEFT),
            dict.fromkeys(RELEASES, (503, LEFT)),
            id="client left",
        ),
        pytest.param(
            Refusal(Code.INTERNAL, SHUTDOWN),
            {**dict.fromkeys(GAIE, (500, SHUTDOWN)), "llm-d-0.9": (503, SHUTDOWN)},
            id="shutdown",
        ),
        pytest.param(
            Refusal(Code.INTERNAL, UNHANDLED),
            dict.fromkeys(RELEASES, (500, UNHANDLED)),
            id="unhandled outcome",
        ),
        pytest.param(
            Refusal(Code.PRECONDITION_FAILED, "no decode worker has the requested KV cache"),
            dict.fromkeys(RELEASES, (412, "no decode worker has the requested KV cache")),
            id="no cached prefix",
        ),
    ],
)
def test_status_and_text_of_a_situation(
    refusal: Refusal, expected: dict[str, tuple[int, str]]
) -> None:
    found = {r: (answer(r, refusal).status, text(r, refusal)) for r in RELEASES}

    assert found == expected


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Refusal(Code.RESOURCE_EXHAUSTED, SHED), "rejected-saturated"),
        (Refusal(Code.RESOURCE_EXHAUSTED, FULL), "rejected-saturated"),
        (Refusal(Code.SERVICE_UNAVAILABLE, NO_CANDIDATES), "rejected-no-endpoints"),
        (Refusal(Code.SERVICE_UNAVAILABLE, EXPIRED), "rejected-ttl-expired"),
        (Refusal(Code.SERVICE_UNAVAILABLE, LEFT), "rejected-context-cancelled"),
        (Refusal(Code.INTERNAL, SHUTDOWN), "rejected-shutting-down"),
        (Refusal(Code.RESOURCE_EXHAUSTED, "out", reason="evicted-priority"), "evicted-priority"),
        (Refusal(Code.BAD_REQUEST, "model not found in request body"), ""),
    ],
)
def test_only_llm_d_says_why_a_request_was_dropped(refusal: Refusal, reason: str) -> None:
    assert answer("llm-d-0.9", refusal).reason == reason
    assert not any(answer(release, refusal).reason for release in GAIE)
