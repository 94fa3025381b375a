"""Which parser reads what, and what each makes of it; nothing a client sends is an exception."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.errors import Code, Refusal
from epp.api.plugin import Instance
from epp.api.request import Usage
from epp.config import Config, ConfigError, load
from epp.parsing.parser import Parsed, Parser
from epp.parsing.table import ParserTable

GAIE = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
LLM_D = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"
GENERATE = "/vllm.grpc.engine.VllmEngine/Generate"
EMBED = "/vllm.grpc.engine.VllmEngine/Embed"
VERTEX = "/google.cloud.aiplatform.v1beta1.PredictionService"
TYPES = (
    *("openai-parser", "anthropic-parser", "vllmhttp-parser", "sglanghttp-parser"),
    *("vertexai-parser", "vllmgrpc-parser", "passthrough-parser"),
)
USER = {"role": "user", "content": "hi"}


def parser(instance: Instance) -> Parser:
    assert isinstance(instance.plugin, Parser)
    return instance.plugin


def table(config: Config) -> ParserTable:
    return ParserTable([parser(instance) for instance in config.parsers])


def only(kind: str) -> ParserTable:
    return table(load(f"{LLM_D}plugins: [{{type: {kind}}}]\nparser: {{pluginRef: {kind}}}\n"))


def read(kind: str, path: str, body: bytes | dict[str, Any]) -> Parsed:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    return only(kind).parse(data, {":path": path})


def refusal(kind: str, path: str, body: bytes | dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(kind, path, body)
    assert caught.value.code is Code.BAD_REQUEST
    return caught.value


def usage(parsed: Parsed, *chunks: bytes) -> Usage | None:
    assert parsed.reader is not None
    reader = parsed.reader()
    assert reader is not None
    for chunk in chunks:
        reader.feed(chunk)
    return reader.usage


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*encoded, number))


def proto(*fields: tuple[int, int | bytes]) -> bytes:
    """Encode a protobuf message."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


def frame(message: bytes, flag: int = 0) -> bytes:
    return bytes((flag,)) + len(message).to_bytes(4, "big") + message


# -- which parser ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "path", "kind"),
    [
        (GAIE, "/v1/chat/completions", "openai-parser"),
        (GAIE, "/v1/chat/completions?api-version=1", "openai-parser"),
        (GAIE, "/v1/messages", "anthropic-parser"),
        (GAIE, "/v1/messages/count_tokens?beta=true", "anthropic-parser"),
        (GAIE, "/inference/v1/generate", "vllmhttp-parser"),
        (GAIE, "/tokenize", "openai-parser"),
        (LLM_D, "/v1/completions/", "openai-parser"),
        (LLM_D, "/v1/messages", "anthropic-parser"),
        (LLM_D, "/tokenize", "passthrough-parser"),
    ],
)
def test_without_a_word_in_the_configuration_the_path_tells_the_parser(
    head: str, path: str, kind: str
) -> None:
    config = load(f"{head}plugins: [{{type: queue-scorer}}]\n")

    chosen, _ = table(config).choose(path)

    assert [i.type for i in config.parsers if i.plugin is chosen] == [kind]


def test_the_longest_claim_wins_whatever_the_order() -> None:
    config = load(
        f"{LLM_D}plugins: [{{type: sglanghttp-parser}}, {{type: vllmhttp-parser}}]\n"
        "requestHandler: {parsers: [{pluginRef: sglanghttp-parser}, {pluginRef: vllmhttp-parser}]}"
    )
    parsers = table(config)

    assert parsers.choose("/inference/v1/generate")[0] is config.parsers[1].plugin
    assert parsers.choose("/generate")[0] is config.parsers[0].plugin
    assert parsers.choose("/other")[0] is config.parsers[0].plugin


def test_the_original_path_counts_where_the_path_is_missing() -> None:
    openai = only("openai-parser")
    body = b'{"model":"m"}'

    with pytest.raises(Refusal, match="must have input field"):
        openai.parse(body, {"x-original-path": "/v1/responses", "x-forwarded-path": "/v1/x"})
    with pytest.raises(Refusal, match="valid messages"):
        openai.parse(body, {"x-forwarded-path": "/v1/chat/completions"})
    with pytest.raises(Refusal, match="must have prompt field"):
        openai.parse(body, {})


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("parser: {pluginRef: opena}", "parser.pluginRef", "no plugin is named 'opena'"),
        ("parser: {pluginRef: q}", "parser.pluginRef", "'q' is a scorer, not a parser"),
        (
            "requestHandler: {parsers: [{pluginRef: o}, {pluginRef: q}]}",
            "requestHandler.parsers[1].pluginRef",
            "'q' is a scorer, not a parser",
        ),
    ],
)
def test_a_name_that_is_no_parser_is_a_problem_with_its_place(
    text: str, path: str, message: str
) -> None:
    plugins = "plugins: [{type: openai-parser, name: o}, {type: queue-scorer, name: q}]\n"
    with pytest.raises(ConfigError) as caught:
        load(GAIE + plugins + text)

    (problem,) = caught.value.problems
    assert (problem.path, problem.message, problem.line) == (path, message, 4)


def test_a_list_counts_more_than_the_older_field() -> None:
    config = load(
        f"{LLM_D}plugins: [{{type: openai-parser}}, {{type: passthrough-parser}}]\n"
        "parser: {pluginRef: openai-parser}\n"
        "requestHandler: {parsers: [{pluginRef: passthrough-parser}]}\n"
    )

    assert [instance.type for instance in config.parsers] == ["passthrough-parser"]
    assert any("requestHandler.parsers" in warning.message for warning in config.warnings)


# -- Anthropic ------------------------------------------------------------------------------------


def test_a_message_is_read_with_its_system_prompt_and_tools_first() -> None:
    body = {
        "messages": [USER],
        "model": "m",
        "stream": True,
        "tools": [{"name": "t"}],
        "system": "be kind",
    }
    parsed = read("anthropic-parser", "/v1/messages", body)

    assert (parsed.model, parsed.is_streaming) == ("m", True)
    assert parsed.prompt.head(1000) == (
        b'[{"system":"be kind"},{"tools":[{"name":"t"}]},'
        b'{"messages":[{"content":"hi","role":"user"}]}]'
    )


def test_counting_tokens_needs_a_model_alone() -> None:
    parsed = read("anthropic-parser", "/v1/messages/count_tokens", {"model": "m"})

    assert (parsed.model, parsed.prompt.head(9), parsed.reader) == ("m", b"", None)


@pytest.mark.parametrize("messages", [None, [], "hi", [1], {}])
def test_a_message_without_messages_is_refused(messages: object) -> None:
    body = {"model": "m", "messages": messages}

    assert refusal("anthropic-parser", "/v1/messages", body).message.endswith(
        "invalid messages request: must have at least one message"
    )


def test_the_counts_of_the_first_and_the_last_event_are_put_together() -> None:
    parsed = read("anthropic-parser", "/v1/messages", {"model": "m", "messages": [USER]})
    start = (
        b"event: message_start\n"
        b'data: {"type":"message_start","message":{"usage":{"input_tokens":20,'
        b'"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":1}}}\n\n'
    )
    delta = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n'

    assert usage(parsed, start[:90], start[90:], delta) == Usage(27, 15, 42, 5)


# -- vLLM and SGLang over HTTP --------------------------------------------------------------------


def test_token_ids_are_the_prompt_of_vllms_own_api() -> None:
    body = {"token_ids": [1, 258], "model": "m", "cache_salt": "s", "stream": True}
    parsed = read("vllmhttp-parser", "/inference/v1/generate", body)

    assert (parsed.model, parsed.cache_salt, parsed.is_streaming) == ("m", "s", True)
    assert parsed.prompt.head(8) == b"\1\0\0\0\2\1\0\0"
    assert read("vllmhttp-parser", "/inference/v1/generate", {"token_ids": [1]}).model == ""


@pytest.mark.parametrize("ids", [None, [], "1", [1.5], [True], [[1]]])
def test_token_ids_must_be_whole_numbers(ids: object) -> None:
    body = {"token_ids": ids}

    assert "token_ids" in refusal("vllmhttp-parser", "/inference/v1/generate", body).message


def test_sglangs_prompts_have_no_model_and_their_bodies_stay() -> None:
    one = read("sglanghttp-parser", "/generate", {"input_ids": [1, 2], "extra_key": "s"})
    many = read("sglanghttp-parser", "/generate", {"input_ids": [[1], [2]], "stream": True})

    assert (one.model, one.tree, one.cache_salt, one.is_streaming) == ("", None, "s", False)
    assert one.prompt.head(99) == many.prompt.head(99) == b"\1\0\0\0\2\0\0\0"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input_ids": []},
        {"input_ids": [[]]},
        {"input_ids": [[1], 2]},
        {"text": "hi"},
        {"input_ids": [1], "image_data": "x"},
        {"input_ids": [1], "extra_key": 1},
    ],
)
def test_other_requests_to_sglang_are_refused(body: dict[str, Any]) -> None:
    assert "invalid generate request" in refusal("sglanghttp-parser", "/generate", body).message


def test_sglangs_counts_stand_in_meta_info() -> None:
    parsed = read("sglanghttp-parser", "/generate", {"input_ids": [1]})
    event = b'data: {"meta_info":{"prompt_tokens":%d,"cached_tokens":2,"completion_tokens":%d}}\n\n'
    first, second = event % (7, 1), event % (7, 12)
    batch = b'[{"meta_info":{"prompt_tokens":3,"completion_tokens":4}},' * 2

    for cut in range(len(second)):
        assert usage(parsed, first, second[:cut], second[cut:]) == Usage(7, 12, 19, 2)
    assert usage(parsed, batch) == Usage(6, 8, 14, 0)
    assert usage(parsed, b"{}") is None


# -- gRPC -----------------------------------------------------------------------------------------


def test_text_and_streaming_of_a_grpc_request() -> None:
    body = frame(proto((1, b"id"), (3, b"hello"), (4, proto((15, 1))), (5, 1)))
    parsed = read("vllmgrpc-parser", GENERATE, body)

    assert (parsed.model, parsed.tree, parsed.is_streaming) == ("", None, True)
    assert parsed.prompt.head(99) == b"hello"


@pytest.mark.parametrize("path", [GENERATE, EMBED])
def test_tokens_of_a_grpc_request_are_known_by_their_text_if_there_is_one(path: str) -> None:
    ids = proto((2, varint(1) + varint(300)))
    tokens = read("vllmgrpc-parser", path, frame(proto((2, ids))))
    text = read("vllmgrpc-parser", path, frame(proto((2, proto((1, b"two")) + ids))))

    assert tokens.prompt.head(8) == b"\1\0\0\0\x2c\1\0\0"
    assert text.prompt.head(8) == b"two"


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (GENERATE, b"", "shorter than its header"),
        (GENERATE, b"\0\0\0\0", "shorter than its header"),
        (GENERATE, frame(b"", flag=1), "compressed"),
        (GENERATE, frame(b"")[:-1] + b"\7", "announces 7 bytes and has 0"),
        (GENERATE, frame(b"") + frame(b""), "announces 0 bytes and has 5"),
        (GENERATE, frame(b""), "neither text nor tokens"),
        (GENERATE, frame(b"\x1a\x09ab"), "longer than its message"),
        (GENERATE, frame(b"\x1b"), "wire type 3"),
        (GENERATE, frame(b"\xff" * 12), "cut off or too long"),
        (GENERATE, frame(proto((3, b"\xff"))), "utf-8"),
        ("/vllm.grpc.engine.VllmEngine/Abort", frame(b""), "unsupported API endpoint"),
        ("/v1/completions", b"{}", "unsupported API endpoint"),
    ],
)
def test_what_is_no_such_grpc_request_is_refused(path: str, body: bytes, why: str) -> None:
    assert why in refusal("vllmgrpc-parser", path, body).message


def test_counts_of_grpc_answers_are_found_wherever_they_are_cut() -> None:
    generate = read("vllmgrpc-parser", GENERATE, frame(proto((3, b"hello"))))
    embed = read("vllmgrpc-parser", EMBED, frame(proto((2, proto((1, b"two"))))))
    chunk = frame(proto((1, proto((1, b"\1"), (2, 7), (3, 1), (4, 4)))))
    complete = frame(proto((2, proto((1, b"\1"), (2, b"stop"), (3, 7), (4, 10), (5, 4)))))
    both = chunk + complete

    assert usage(generate, chunk) == Usage(7, 1, 8, 4)
    for cut in range(len(both)):
        assert usage(generate, both[:cut], both[cut:]) == Usage(7, 10, 17, 4)
    assert usage(embed, frame(proto((1, b"\0\0\0\0"), (2, 7), (3, 1)))) == Usage(7, 0, 7, 0)


def test_a_huge_grpc_answer_is_passed_over_and_the_next_one_read() -> None:
    parsed = read("vllmgrpc-parser", GENERATE, frame(proto((3, b"hello"))))
    huge = frame(b"\0" * 1_000_000)
    complete = frame(proto((2, proto((3, 7), (4, 10)))))
    chunks = [huge[at : at + 70_000] for at in range(0, len(huge), 70_000)]

    assert usage(parsed, *chunks, complete) == Usage(7, 10, 17, 0)


def test_vertex_ais_json_is_read_inside_its_frame() -> None:
    def body(tree: dict[str, Any]) -> bytes:
        data = proto((1, b"application/json"), (2, json.dumps(tree).encode()))
        return frame(proto((1, b"projects/p"), (2, data)))

    chat = body({"model": "m", "messages": [USER], "stream": True})
    parsed = read("vertexai-parser", f"{VERTEX}/ChatCompletions", chat)
    answer = frame(proto((2, b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}')))

    assert (parsed.model, parsed.tree, parsed.is_streaming) == ("", None, True)
    assert parsed.prompt.head(99) == b'[{"role":"user","content":"hi"}]'
    assert usage(parsed, answer) == Usage(1, 2, 3, 0)
    raw = read("vertexai-parser", f"{VERTEX}/StreamRawPredict", body({"input": "hi"}))
    assert raw.prompt.head(99) == b'[{"input":"hi"}]'
    other = read("vertexai-parser", f"{VERTEX}/Explain", b"\0")
    assert (other.prompt.head(9), other.reader) == (b"", None)
    for bad in (b"", frame(b""), frame(proto((2, b""))), body({})):
        refusal("vertexai-parser", f"{VERTEX}/ChatCompletions", bad)


def test_passing_through_reads_nothing() -> None:
    parsed = read("passthrough-parser", "/v1/completions", b"\xff no json")

    assert (parsed.model, parsed.tree, parsed.reader) == ("", None, None)


# -- laws -----------------------------------------------------------------------------------------

PATHS = (
    *("/v1/messages", "/v1/messages/count_tokens", "/inference/v1/generate", "/generate"),
    *(GENERATE, EMBED, f"{VERTEX}/ChatCompletions", f"{VERTEX}/RawPredict", "/v1/completions", ""),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["model", "messages", "system", "token_ids", "input_ids", "stream", "x"]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
BODIES = st.binary(max_size=60) | JSON | st.binary(max_size=60).map(frame)
TABLES = {kind: only(kind) for kind in TYPES}


@given(st.sampled_from(TYPES), st.sampled_from(PATHS), BODIES)
def test_whatever_is_sent_is_read_or_refused(kind: str, path: str, body: bytes) -> None:
    with contextlib.suppress(Refusal):
        TABLES[kind].parse(body, {":path": path}).prompt.head(100)


@given(st.sampled_from(TYPES), st.lists(BODIES, max_size=6))
def test_whatever_a_model_server_answers_is_looked_at(kind: str, chunks: list[bytes]) -> None:
    reader = TABLES[kind].parsers[0].usage_reader()
    if reader is None:
        return
    for chunk in chunks:
        reader.feed(chunk)
    assert reader.usage is None or min(reader.usage) >= 0
