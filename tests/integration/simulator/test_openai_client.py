"""OpenAI's own client works with the simulator as with a real vLLM."""

from collections.abc import Callable, Iterator

import httpx
import openai
import pytest

ASK = [{"role": "user", "content": "Say something about queues."}]


@pytest.fixture(name="client")
def client_of_a_simulator(simulator: Callable) -> Iterator[openai.OpenAI]:
    running = simulator("--model", "food-review", "--max-model-len", "4096")
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_chat_answers_with_text_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="food-review", messages=ASK, max_tokens=30)

    assert answer.object == "chat.completion"
    assert answer.model == "food-review"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 1 <= answer.usage.completion_tokens <= 30
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_chat_stream_carries_each_token_and_the_usage_last(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="food-review",
        messages=ASK,
        max_tokens=25,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"ignore_eos": True},
    )
    chunks = list(stream)
    pieces = [
        c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content
    ]

    assert len(pieces) == 25
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 25


def test_a_stream_says_nothing_of_usage_unasked(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="food-review", messages=ASK, stream=True)

    assert [chunk for chunk in stream if chunk.usage] == []


def test_completions_answer_each_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="food-review", prompt=["First.", "Second."], n=2, max_tokens=9
    )

    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert all(choice.text for choice in answer.choices)


def test_a_completion_stream_mixes_its_choices(client: openai.OpenAI) -> None:
    stream = client.completions.create(
        model="food-review",
        prompt="Say",
        n=3,
        stream=True,
        max_tokens=5,
        extra_body={"ignore_eos": True},
    )
    chunks = [chunk.choices[0] for chunk in stream]

    assert sorted(c.index for c in chunks if c.finish_reason == "length") == [0, 1, 2]
    assert all(sum(1 for c in chunks if c.index == i and c.text) == 5 for i in range(3))


def test_token_ids_are_a_prompt_too(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="food-review", prompt=[5, 6, 7], max_tokens=4)

    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3


def test_models_are_listed_with_their_context_window(client: openai.OpenAI) -> None:
    models = list(client.models.list())

    assert [model.id for model in models] == ["food-review"]
    assert models[0].model_dump()["max_model_len"] == 4096


def test_a_demanded_tool_is_called_with_arguments_that_fit(client: openai.OpenAI) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "look_up",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    }
    answer = client.chat.completions.create(
        model="food-review", messages=ASK, tools=[tool], tool_choice="required"
    )

    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, call.function.arguments) == ("look_up", '{"city":"text"}')

    stream = client.chat.completions.create(
        model="food-review", messages=ASK, tools=[tool], tool_choice="required", stream=True
    )
    deltas = [c.choices[0].delta.tool_calls[0] for c in stream if c.choices[0].delta.tool_calls]
    assert "".join(delta.function.arguments or "" for delta in deltas) == '{"city":"text"}'


def test_responses_are_written_whole_and_as_events(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="food-review", input="Hello", max_output_tokens=500)
    assert whole.status == "completed"
    assert whole.output_text

    events = list(client.responses.create(model="food-review", input="Hello", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-1] == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text


def test_embeddings_depend_on_the_text_alone(client: openai.OpenAI) -> None:
    first, second, same = client.embeddings.create(
        model="food-review", input=["one", "two", "one"], dimensions=16
    ).data

    assert len(first.embedding) == 16
    assert first.embedding == same.embedding
    assert first.embedding != second.embedding


@pytest.mark.parametrize(
    ("arguments", "error", "param"),
    [
        ({"model": "other"}, openai.NotFoundError, "model"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"max_tokens": 5000}, openai.BadRequestError, "messages"),
        ({"max_tokens": -1}, openai.BadRequestError, "max_tokens"),
    ],
)
def test_errors_reach_the_client_as_its_own_types(
    client: openai.OpenAI, arguments: dict, error: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(error) as caught:
        client.chat.completions.create(**{"model": "food-review", "messages": ASK, **arguments})

    assert caught.value.param == param
    assert caught.value.type == error.__name__


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limit", openai.RateLimitError),
        ("invalid_api_key", openai.AuthenticationError),
        ("context_length", openai.BadRequestError),
        ("server_error", openai.InternalServerError),
        ("invalid_request", openai.BadRequestError),
        ("model_not_found", openai.NotFoundError),
    ],
)
def test_injected_failures_are_the_errors_they_claim_to_be(
    client: openai.OpenAI, kind: str, error: type[openai.APIStatusError]
) -> None:
    config = str(client.base_url).replace("/v1/", "/admin/config")
    httpx.post(config, json={"failure-injection-rate": 100, "failure-types": [kind]})

    with pytest.raises(error):
        client.chat.completions.create(model="food-review", messages=ASK)


async def test_the_asynchronous_client_streams_too(simulator: Callable) -> None:
    running = simulator("--model", "food-review")
    async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="none") as client:
        stream = await client.chat.completions.create(
            model="food-review", messages=ASK, stream=True, max_tokens=10
        )
        chunks = [chunk async for chunk in stream]

    assert chunks[-1].choices[0].finish_reason in {"stop", "length"}
