"""FULL_DUPLEX_STREAMED, the mode of GAIE's gateways; the cases of its hermetic tests."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from epp._generated import gaie_extproc_pb2 as wire
from epp.api.endpoint import Endpoint
from epp.api.errors import Code, Refusal
from epp.api.request import Decision
from epp.extproc.actions import Close, Route, RouteAny
from epp.extproc.stream import StreamSettings

Talk = Callable[..., Any]
Read = Callable[..., Any]
Replies = Sequence[wire.ProcessingResponse]

BODY = b'{"max_tokens":100,"model":"sql-lora","prompt":"test","temperature":0}'
DESTINATION = "x-gateway-destination-endpoint"


def kinds(replies: Replies) -> list[str | None]:
    return [reply.WhichOneof("response") for reply in replies]


def immediate(replies: Replies) -> tuple[int, bytes]:
    return replies[-1].immediate_response.status.code, replies[-1].immediate_response.body


def test_nothing_is_answered_before_the_whole_body_is_there(envoy: Any, conversation: Talk) -> None:
    talk = conversation()

    assert talk.say(envoy.headers(), envoy.body(BODY[:30], last=False)) == []


def test_headers_are_answered_with_the_destination_and_then_the_body_is_echoed(
    envoy: Any, conversation: Talk, headers_set: Read, echoed: Read
) -> None:
    replies = conversation().say(envoy.headers(), envoy.body(BODY))

    assert kinds(replies) == ["request_headers", "request_body"]
    assert headers_set(replies[0]) == {
        DESTINATION: "192.168.1.2:8000",
        "content-length": str(len(BODY)),
    }
    assert replies[0].request_headers.response.clear_route_cache
    metadata = replies[0].dynamic_metadata.fields["envoy.lb"].struct_value
    assert dict(metadata.items()) == {DESTINATION: "192.168.1.2:8000"}
    assert echoed(replies) == [(BODY, True)]


def test_a_fallback_list_keeps_the_order_of_the_decision(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    addresses = ("10.0.0.1", "fd00::2")
    decision = Decision(tuple(Endpoint(a, "default", a, 8000) for a in addresses))

    replies = conversation(decision=decision).say(envoy.headers(), envoy.body(BODY))

    assert headers_set(replies[0])[DESTINATION] == "10.0.0.1:8000,[fd00::2]:8000"


def test_invalid_json_is_answered_with_400(envoy: Any, conversation: Talk) -> None:
    talk = conversation()

    replies = talk.say(envoy.headers(), envoy.body(b"no healthy upstream"))

    body = b"inference gateway: BadRequest - Error unmarshaling request body"
    assert immediate(replies) == (400, body)
    assert talk.closes == [Close(0, "")]
    assert [refusal.code for refusal in talk.refusals] == [Code.BAD_REQUEST]


def test_a_body_split_inside_the_model_name_is_one_request(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation()
    cut = BODY.index(b"lora")

    talk.say(envoy.headers(), envoy.body(BODY[:cut], last=False), envoy.body(BODY[cut:]))

    assert talk.request.model == "sql-lora"
    assert echoed(talk.replies) == [(BODY, True)]


def test_without_endpoints_a_header_only_request_is_answered_with_500(
    envoy: Any, conversation: Talk
) -> None:
    refusal = Refusal(Code.INTERNAL, "no pods available in datastore")
    talk = conversation(decision=refusal)

    replies = talk.say(envoy.headers({":method": "GET"}, last=True))

    body = b"inference gateway: Internal - no pods available in datastore"
    assert immediate(replies) == (500, body)
    assert talk.closes == [Close(0, "")]


def test_a_missing_model_is_answered_with_400(envoy: Any, conversation: Talk) -> None:
    replies = conversation().say(envoy.headers(), envoy.body(b'{"hello":"world"}'))

    body = b"inference gateway: BadRequest - model not found in request body"
    assert immediate(replies) == (400, body)


def test_a_bad_body_is_refused_even_if_no_headers_came(envoy: Any, conversation: Talk) -> None:
    replies = conversation().say(envoy.body(b'{"hello":"world"}'))

    body = b"inference gateway: BadRequest - model not found in request body"
    assert immediate(replies) == (400, body)


def test_the_directors_refusal_is_the_answer(envoy: Any, conversation: Talk) -> None:
    refusal = Refusal(
        Code.SERVICE_UNAVAILABLE, "failed to find candidate pods for serving the request"
    )

    replies = conversation(decision=refusal).say(envoy.headers(), envoy.body(BODY))

    body = (
        b"inference gateway: ServiceUnavailable - "
        b"failed to find candidate pods for serving the request"
    )
    assert immediate(replies) == (503, body)


@pytest.mark.parametrize(
    ("entries", "subset"),
    [
        (["192.168.1.3:8000"], ("192.168.1.3:8000",)),
        ([], ()),
        (["a:1", 5, True, "b:2"], ("a:1", "b:2")),
        ("192.168.1.3:8000", None),
    ],
)
def test_the_gateways_subset_reaches_the_director(
    envoy: Any, conversation: Talk, entries: object, subset: tuple[str, ...] | None
) -> None:
    talk = conversation()

    talk.say(envoy.headers(), envoy.body(BODY, metadata=envoy.subset(entries)))

    assert talk.request.subset == subset


def test_a_body_message_without_a_subset_keeps_the_one_of_the_headers(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation()

    talk.say(
        envoy.headers(metadata=envoy.subset(["a:1"])),
        envoy.body(BODY, metadata=envoy.metadata("elsewhere", {"a": 1})),
    )

    assert talk.request.subset == ("a:1",)


def test_the_subset_can_be_switched_off(envoy: Any, conversation: Talk) -> None:
    talk = conversation(settings=StreamSettings(disable_subset_filter=True))

    talk.say(envoy.headers(metadata=envoy.subset(["a:1"])), envoy.body(BODY))

    assert talk.request.subset is None


def test_an_unknown_objective_changes_nothing(envoy: Any, conversation: Talk, echoed: Read) -> None:
    talk = conversation()
    control = {
        "x-gateway-inference-objective": "direct-model",
        "x-gateway-model-name-rewrite": "sql-lora",
    }

    replies = talk.say(envoy.headers(control), envoy.body(BODY))

    assert talk.request.objective == "direct-model"
    assert echoed(replies) == [(BODY, True)]


def test_the_directors_target_model_beats_the_header_and_only_its_bytes_change(
    envoy: Any, conversation: Talk, headers_set: Read, echoed: Read
) -> None:
    talk = conversation(target_model="rewritten-model")
    control = {"x-gateway-model-name-rewrite": "from-the-header"}

    replies = talk.say(envoy.headers(control), envoy.body(BODY))

    expected = BODY.replace(b"sql-lora", b"rewritten-model")
    assert echoed(replies) == [(expected, True)]
    assert headers_set(replies[0])["content-length"] == str(len(expected))
    assert talk.request.size == len(expected)


def test_the_rewrite_header_presets_the_target_model(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation()

    replies = talk.say(envoy.headers({"x-gateway-model-name-rewrite": "target"}), envoy.body(BODY))

    assert talk.request.model == "sql-lora"
    assert talk.request.target_model == "target"
    assert orjson.loads(echoed(replies)[0][0])["model"] == "target"


def test_a_header_only_request_is_answered_at_once(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    ipv6 = Decision((Endpoint("pod", "default", "fd00::1", 8000),))
    talk = conversation(decision=ipv6)

    replies = talk.say(
        envoy.headers({":method": "GET"}, last=True, metadata=envoy.subset(["[fd00::1]:8000"]))
    )

    assert kinds(replies) == ["request_headers"]
    assert headers_set(replies[0]) == {DESTINATION: "[fd00::1]:8000"}
    assert isinstance(talk.routes[0], RouteAny)
    assert talk.request.subset == ("[fd00::1]:8000",)


def test_an_empty_body_is_routed_like_none_and_echoed_as_one_empty_piece(
    envoy: Any, conversation: Talk, headers_set: Read, echoed: Read
) -> None:
    talk = conversation()

    replies = talk.say(envoy.headers(), envoy.body(b"", last=False), envoy.body(b""))

    assert isinstance(talk.routes[0], RouteAny)
    assert headers_set(replies[0]) == {DESTINATION: "192.168.1.2:8000"}
    assert echoed(replies) == [(b"", True)]


def test_trailers_end_a_body_that_did_not_say_it_was_over(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    talk = conversation()

    replies = talk.say(envoy.headers(), envoy.body(BODY, last=False), envoy.trailers())

    assert isinstance(talk.routes[0], Route)
    assert kinds(replies) == ["request_headers", "request_body", "request_trailers"]
    assert echoed(replies) == [(BODY, False)]


def test_a_large_body_is_echoed_in_pieces_that_every_proxy_takes(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    body = orjson.dumps({"model": "m", "prompt": "a" * 150_000})

    pieces = echoed(conversation().say(envoy.headers(), envoy.body(body)))

    assert b"".join(piece for piece, _ in pieces) == body
    assert [is_last for _, is_last in pieces] == [False, False, True]
    assert max(len(piece) for piece, _ in pieces) == 62_000


def test_only_what_must_change_is_changed(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    control = {
        "x-gateway-inference-fairness-id": "team-a",
        "x-gateway-inference-objective": "chat",
        "x-gateway-destination-endpoint": "6.6.6.6:6",
        "x-gateway-destination-endpoint-subset": "6.6.6.6:6",
        "x-gateway-inference-explain": "true",
        "authorization": "Bearer secret",
    }
    talk = conversation()

    replies = talk.say(envoy.headers(control), envoy.body(BODY))

    assert set(headers_set(replies[0])) == {DESTINATION, "content-length"}
    assert list(replies[0].request_headers.response.header_mutation.remove_headers) == [
        "x-gateway-destination-endpoint-subset",
        "x-gateway-inference-explain",
        "x-gateway-inference-fairness-id",
        "x-gateway-inference-objective",
    ]
    assert talk.request.headers["x-gateway-inference-explain"] == "true"
    assert (talk.request.fairness_id, talk.request.objective) == ("team-a", "chat")


def test_a_request_without_an_id_gets_one(
    envoy: Any, conversation: Talk, headers_set: Read
) -> None:
    talk = conversation()

    replies = talk.say(envoy.bare_headers({":path": "/v1/completions"}), envoy.body(BODY))

    assert headers_set(replies[0])["x-request-id"] == talk.request.id
    assert len(talk.request.id) == 36


def test_header_values_of_any_bytes_are_taken(envoy: Any, conversation: Talk) -> None:
    talk = conversation()

    talk.say(envoy.headers({"x-name": b"caf\xe9", "x-other": "é"}), envoy.body(BODY))

    assert talk.request.headers["x-name"] == "caf\ufffd"
    assert talk.request.headers["x-other"] == "é"


def test_an_envoy_that_does_not_tell_its_mode_is_taken_as_full_duplex(
    envoy: Any, conversation: Talk, echoed: Read
) -> None:
    replies = conversation().say(envoy.headers(modes=None), envoy.body(BODY))

    assert echoed(replies) == [(BODY, True)]


def test_a_body_above_the_limit_is_answered_with_413(envoy: Any, conversation: Talk) -> None:
    talk = conversation(settings=StreamSettings(max_body_bytes=100))

    replies = talk.say(envoy.headers(), *[envoy.body(b"x" * 60, last=False)] * 2)

    body = (
        b"inference gateway: PayloadTooLarge - "
        b"the request body has 120 bytes or more, the limit is 100 bytes"
    )
    assert immediate(replies) == (413, body)
    assert talk.closes == [Close(0, "")]


def test_an_announced_length_above_the_limit_is_refused_before_the_body(
    envoy: Any, conversation: Talk
) -> None:
    talk = conversation(settings=StreamSettings(max_body_bytes=100))

    replies = talk.say(envoy.headers({"content-length": "101"}))

    assert immediate(replies)[0] == 413
