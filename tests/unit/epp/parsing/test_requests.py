import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.errors import Code, Refusal
from epp.parsing.requests import Parsed, parse_request

COMPLETIONS = "/v1/completions"
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
CONVERSATIONS = "/v1/conversations"
EMBEDDINGS = "/v1/embeddings"

DEMANDS = {
    COMPLETIONS: "invalid completions request: must have prompt field",
    CHAT: "invalid chat completions request: must have valid messages field",
    RESPONSES: "invalid responses request: must have input field",
    CONVERSATIONS: "invalid conversations request: must have items field",
    EMBEDDINGS: "invalid embeddings request: must have input field",
}
USER = {"role": "user", "content": "hi"}


def parse(path: str, **fields: Any) -> Parsed:
    body = json.dumps({"model": "m", **fields}).encode()
    return parse_request(body, path)


def refusal_of(body: bytes, path: str = COMPLETIONS) -> str:
    with pytest.raises(Refusal) as caught:
        parse_request(body, path)
    assert caught.value.code is Code.BAD_REQUEST
    return caught.value.message


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'"text"', b"null", b'{"model":', b"\xff"]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert refusal_of(body) == "Error unmarshaling request body"


@pytest.mark.parametrize("body", [b'{"prompt":"hi"}', b'{"model":1}', b'{"model":null}'])
def test_a_model_must_be_named_before_anything_else_is_looked_at(body: bytes) -> None:
    assert refusal_of(body) == "model not found in request body"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (COMPLETIONS, {}),
        (COMPLETIONS, {"prompt": ""}),
        (COMPLETIONS, {"prompt": []}),
        (COMPLETIONS, {"prompt": 5}),
        (COMPLETIONS, {"prompt": ["a", 1]}),
        (COMPLETIONS, {"prompt": [True]}),
        (COMPLETIONS, {"prompt": [[1], ["a"]]}),
        (COMPLETIONS, {"prompt": "a", "cache_salt": 1}),
        (CHAT, {}),
        (CHAT, {"messages": []}),
        (CHAT, {"messages": "hi"}),
        (CHAT, {"messages": ["hi"]}),
        (CHAT, {"messages": [{"role": 1, "content": "hi"}]}),
        (CHAT, {"messages": [{"role": "user", "content": 1}]}),
        (CHAT, {"messages": [{"role": "user", "content": {}}]}),
        (CHAT, {"messages": [{"role": "user", "content": ["hi"]}]}),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}),
        (CHAT, {"messages": [{"role": "user", "content": [{"image_url": "http://x"}]}]}),
        (CHAT, {"messages": [{"role": "user", "content": [{"image_url": {"url": 1}}]}]}),
        (CHAT, {"messages": [USER], "tools": {}}),
        (CHAT, {"messages": [USER], "documents": "a"}),
        (CHAT, {"messages": [USER], "add_generation_prompt": "yes"}),
        (CHAT, {"messages": [USER], "chat_template_kwargs": []}),
        (RESPONSES, {}),
        (RESPONSES, {"input": None}),
        (CONVERSATIONS, {"items": {}}),
        (CONVERSATIONS, {"items": [1]}),
        (CONVERSATIONS, {"items": [{"role": 1}]}),
        (EMBEDDINGS, {"prompt": "not the input"}),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_with_what_the_api_needs(
    path: str, fields: dict[str, Any]
) -> None:
    body = json.dumps({"model": "m", **fields}).encode()

    assert refusal_of(body, path) == (
        f"failed to extract request data: inference gateway: BadRequest - {DEMANDS[path]}"
    )


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Grüße", "Grüße".encode()),
        (["one ", "two"], b"one two"),
        ([1, 258], b"\x01\0\0\0\x02\x01\0\0"),
        ([[1], [2]], b"\x01\0\0\0\x02\0\0\0"),
        ([-1, 2**40], b"\xff\xff\xff\xff\0\0\0\0"),
    ],
)
def test_a_prompt_may_be_text_or_tokens_one_or_many(prompt: Any, text: bytes) -> None:
    assert parse(COMPLETIONS, prompt=prompt).prompt.head(1000) == text


def test_what_else_matters_is_read_on_the_way() -> None:
    parsed = parse(CHAT, messages=[USER], stream=True, cache_salt="s1", tools=[], documents=None)

    assert (parsed.model, parsed.is_streaming, parsed.cache_salt) == ("m", True, "s1")


@pytest.mark.parametrize("stream", [False, None, 1, "true"])
def test_only_true_asks_for_a_stream(stream: object) -> None:
    assert not parse(COMPLETIONS, prompt="a", stream=stream).is_streaming


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat/completions", CHAT),
        ("/openai/v1beta/chat/completions", CHAT),
        ("/v1/conversations/conv_1/items", CONVERSATIONS),
        ("/v1/responses/resp_1/cancel", RESPONSES),
        ("/v2/embeddings", EMBEDDINGS),
        ("/unknown", COMPLETIONS),
    ],
)
def test_the_end_of_the_path_tells_the_api(path: str, api: str) -> None:
    assert DEMANDS[api] in refusal_of(b'{"model":"m"}', path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


@given(
    path=st.sampled_from(sorted(DEMANDS)),
    values=st.dictionaries(
        st.sampled_from(["prompt", "messages", "input", "items", "cache_salt", "tools"]), JSON
    ),
    limit=st.integers(0, 200),
)
def test_any_json_is_either_read_or_refused(path: str, values: dict[str, Any], limit: int) -> None:
    try:
        parsed = parse(path, **values)
    except Refusal:
        return

    head = parsed.prompt.head(limit)
    assert len(head) <= limit
    assert parsed.prompt.head(10_000).startswith(head)
