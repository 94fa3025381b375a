"""Laws of the stream: no input raises, ends come once, chunking changes nothing."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.api.endpoint import Endpoint
from epp.api.request import Decision

Talk = Callable[..., Any]
Read = Callable[..., Any]


BODY = orjson.dumps({"model": "m", "prompt": "tell me a story", "n": 1})


@given(messages=st.lists(st.binary(max_size=80), max_size=6))
def test_arbitrary_bytes_never_raise(conversation: Talk, messages: list[bytes]) -> None:
    talk = conversation()

    talk.say(*messages)
    talk.perform(talk.stream.aborted())

    assert len(talk.finished) <= 1


def _messages(envoy: Any) -> st.SearchStrategy[bytes]:
    modes = st.tuples(st.integers(0, 5), st.integers(0, 5)) | st.none()
    chunk = st.sampled_from([b"", b"{", BODY, BODY[:9], BODY[9:], b"x" * 70_000])
    flag = st.booleans()
    names = st.sampled_from(
        [
            "x-gateway-inference-objective",
            "content-length",
            ":status",
            "x-gateway-model-name-rewrite",
        ]
    )
    extra = st.dictionaries(names, st.sampled_from(["", "1", "99999999999", "200"]), max_size=2)
    return st.one_of(
        st.builds(
            lambda headers, modes, last, eager: envoy.headers(
                headers, modes=modes, last=last, eager=eager
            ),
            extra,
            modes,
            flag,
            flag,
        ),
        st.builds(lambda body, last: envoy.body(body, last=last), chunk, flag),
        st.builds(envoy.trailers),
        st.builds(
            lambda headers, modes, last: envoy.response_headers(headers, modes=modes, last=last),
            extra,
            modes,
            flag,
        ),
        st.builds(lambda body, last: envoy.response_body(body, last=last), chunk, flag),
        st.builds(envoy.response_trailers),
    )


@settings(max_examples=150)
@given(data=st.data())
def test_arbitrary_sequences_of_messages_never_raise_and_end_once(
    envoy: Any, conversation: Talk, endpoint: Endpoint, data: st.DataObject
) -> None:
    messages = data.draw(st.lists(_messages(envoy), max_size=12))
    decision = Decision((endpoint,))
    talk = conversation(decision=data.draw(st.sampled_from([None, decision])))
    talk.target_model = data.draw(st.sampled_from([None, "other"]))

    talk.say(*messages)
    talk.perform(data.draw(st.sampled_from([talk.stream.half_closed, talk.stream.aborted]))())
    is_routed = bool(talk.routes) and talk.decision is not None
    talk.closes.clear()
    if talk.routes:
        talk.decide(decision)
        is_routed = True

    assert len(talk.routes) <= 1
    assert len(talk.finished) <= 1
    if is_routed and not talk.refusals:
        assert len(talk.finished) == 1


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=6), ends_empty=st.booleans())
def test_any_chunking_of_a_body_gives_the_same_request_and_the_same_bytes(
    envoy: Any, conversation: Talk, echoed: Read, cuts: list[int], ends_empty: bool
) -> None:
    edges = [0, *sorted(cuts), len(BODY)]
    chunks = [BODY[a:b] for a, b in pairwise(edges)] + [b""] * ends_empty
    talk = conversation()

    talk.say(
        envoy.headers(),
        *[envoy.body(c, last=i == len(chunks) - 1) for i, c in enumerate(chunks)],
    )

    assert echoed(talk.replies) == [(BODY, True)]
    assert (talk.request.model, talk.request.size) == ("m", len(BODY))
