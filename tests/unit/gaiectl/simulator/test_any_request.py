"""Any JSON object is answered or refused with 400 or 404; nothing else comes of it."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.simulator.admin import changed, shown
from gaiectl.simulator.answers import chat, completions, embeddings, generate, messages, responses
from gaiectl.simulator.answers.plan import choices
from gaiectl.simulator.answers.tools import smallest
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings

LAW = settings(max_examples=25)

SETTINGS = Settings()
APIS = {
    "chat": (chat.read, chat.Chat),
    "completions": (completions.read, completions.Completions),
    "generate": (generate.read, generate.Generate),
    "messages": (messages.read, messages.Messages),
    "responses": (responses.read, responses.Responses),
}
scalars = st.none() | st.booleans() | st.integers(-3, 40) | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "type", "function", "name", "required"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
content = st.text(max_size=9) | st.lists(anything, max_size=2)
turns = st.lists(
    st.fixed_dictionaries({"role": anything, "content": content}), min_size=1, max_size=3
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "messages": turns | anything,
        "prompt": st.text(max_size=9) | st.lists(st.integers(0, 9)) | anything,
        "input": content | turns | anything,
        "token_ids": st.lists(st.integers(0, 9), min_size=1) | anything,
        "tools": anything,
        "tool_choice": st.sampled_from(["auto", "required", "none"]) | anything,
        "kv_transfer_params": st.just({"do_remote_decode": True}) | anything,
        **dict.fromkeys(
            ["model", "max_tokens", "max_completion_tokens", "max_output_tokens", "min_tokens", "n",
             "stream", "stream_options", "stop", "stop_sequences", "seed", "ignore_eos", "system",
             "instructions", "cache_hit_threshold", "sampling_params", "dimensions",
             "encoding_format"],
            anything,
        ),
    },
)  # fmt: skip


def check_refusal(error: ApiError) -> None:
    """The client is told what it did wrong, in JSON."""
    assert error.status in {400, 404}
    assert orjson.loads(error.body())["error"]["message"]


@pytest.mark.parametrize("api", APIS)
@LAW
@given(fields=bodies)
def test_each_api_answers_or_refuses(api: str, fields: dict[str, Any]) -> None:
    read, write = APIS[api]
    try:
        ask = read(fields, Models(SETTINGS))
        planned = choices(ask, SETTINGS, random.Random(1))
    except ApiError as error:
        check_refusal(error)
        return
    dialect = write(ask, SETTINGS, "id", 0)

    orjson.dumps(dialect.whole(planned))
    stream = [dialect.opening(planned)]
    for choice in planned:
        stream.append(dialect.begin(choice))
        stream += [dialect.piece(choice, n) for n in range(len(choice.output.pieces))]
        stream.append(dialect.end(choice))
    stream.append(dialect.closing(planned))
    for event in b"".join(stream).split(b"\n\n"):
        data = event.rpartition(b"data: ")[2]
        assert not data or data == b"[DONE]" or orjson.loads(data)


@LAW
@given(bodies)
def test_embeddings_answer_or_refuse(fields: dict[str, Any]) -> None:
    try:
        answer, _ = embeddings.answer(fields, Models(SETTINGS), dimensions=4)
    except ApiError as error:
        check_refusal(error)
    else:
        orjson.dumps(answer)


@LAW
@given(st.dictionaries(st.sampled_from(list(shown(SETTINGS))), anything, max_size=3))
def test_a_change_of_settings_is_made_or_refused(patch: dict[str, Any]) -> None:
    try:
        new = changed(SETTINGS, patch)
    except ApiError as error:
        check_refusal(error)
    else:
        orjson.dumps(shown(new))


schemas = st.recursive(
    anything,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer", "boolean"]) | inner,
            "properties": st.dictionaries(st.sampled_from("ab"), inner) | inner,
            "required": st.lists(st.sampled_from("abc")) | inner,
            "enum": st.lists(inner) | inner,
            "anyOf": st.lists(inner) | inner,
            "items": inner,
            "minItems": st.integers() | inner,
            "minLength": st.integers() | inner,
        },
    ),
    max_leaves=6,
)


@LAW
@given(schemas)
def test_any_schema_has_a_smallest_value(schema: Any) -> None:
    orjson.dumps(smallest(schema))
