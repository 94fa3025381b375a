"""The text that is hashed: what GAIE hashes, byte for byte."""

from typing import Any

import pytest
import xxhash

from epp.parsing.prompt import ChatPrompt, ItemsPrompt, JsonPrompt, ResponsesPrompt, TextPrompt

TERSE = [
    {
        "role": "system",
        "content": "You are <terse> & kind. Answer in at most twenty words, no lists.",
    },
    {"role": "user", "content": "hi"},
]
PICTURE = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "describe"},
            {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
        ],
    }
]


def hashes(model: str, salt: str, text: bytes, block: int = 64) -> list[str]:
    chain = [xxhash.xxh64_intdigest((model + salt).encode())]
    for start in range(0, len(text) - block + 1, block):
        data = text[start : start + block] + chain[-1].to_bytes(8, "little")
        chain.append(xxhash.xxh64_intdigest(data))
    return [f"{digest:016x}" for digest in chain]


@pytest.mark.parametrize(
    ("model", "salt", "prompt", "size", "expected"),
    [
        (
            "food-review",
            "",
            TextPrompt(("a" * 64 + "b" * 64 + "c" * 10,)),
            138,
            ["509e2636f711b22b", "846bd41a8ad8e8bf", "f87bd9e965bfb5c3"],
        ),
        (
            "food-review",
            "s1",
            TextPrompt(("a" * 64 + "b" * 64 + "c" * 10,)),
            138,
            ["0f48acb73fc9eabc", "a84aee26d332a054", "837d77577645ed2d"],
        ),
        (
            "m",
            "",
            ChatPrompt(TERSE),
            143,
            ["ba2e567083a2b2e8", "4b192915c0a49c92", "7879235893c6cf6a"],
        ),
        (
            "m",
            "",
            ChatPrompt(PICTURE),
            200,
            ["ba2e567083a2b2e8", "4de304604889cb4f", "4b009c158ed9a364", "f04838003b9f499e"],
        ),
    ],
)
def test_the_hashes_are_those_of_gaie(
    model: str, salt: str, prompt: Any, size: int, expected: list[str]
) -> None:
    text = prompt.head(100_000)

    assert len(text) == size
    assert hashes(model, salt, text) == expected


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"role": "user", "content": "hi"}, '{"role":"user","content":"hi"}'),
        ({"content": "hi"}, '{"content":"hi"}'),
        (
            {"role": "assistant", "content": None, "tool_calls": []},
            '{"role":"assistant","content":""}',
        ),
        ({"role": "tool"}, '{"role":"tool","content":""}'),
        ({"role": "user", "content": []}, '{"role":"user","content":[]}'),
        (
            {"content": 'a"b\\\n\t\x01é<>&\u2028\u2029\u2030'},
            '{"content":"a\\"b\\\\\\n\\t\\u0001é\\u003c\\u003e\\u0026\\u2028\\u2029\u2030"}',
        ),
        (
            {"content": [{"input_audio": {"data": "AA", "format": "wav"}}], "name": "x"},
            '{"content":[{"type":"","image_url":{},"input_audio":{"data":"AA","format":"wav"},\
"video_url":{}}]}',
        ),
        (
            {"content": [{"type": "input_audio", "input_audio": {"data": ""}}]},
            '{"content":[{"type":"input_audio","image_url":{},"input_audio":{},"video_url":{}}]}',
        ),
    ],
)
def test_messages_are_written_as_go_writes_them(message: dict[str, Any], text: str) -> None:
    assert ChatPrompt([message]).head(1000).decode() == f"[{text}]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", '"x"'),
        ({"b": 1, "a": [True, None, {}, []]}, '{"a":[true,null,{},[]],"b":1}'),
        ([1.0, 0.1, -2.5, 100], "[1,0.1,-2.5,100]"),
        ([1e20, 1e21, 1e-6, 1e-7, 1.5e300], "[100000000000000000000,1e+21,0.000001,1e-7,1.5e+300]"),
        ([2**53 + 1, 2**63], "[9007199254740992,9223372036854776000]"),
    ],
)
def test_generic_values_have_sorted_keys_and_float64_numbers(value: Any, text: str) -> None:
    assert JsonPrompt(value).head(1000).decode() == text


def test_responses_are_an_array_of_what_is_given() -> None:
    prompt = ResponsesPrompt([("instructions", "be kind"), ("input", [{"role": "user"}])])

    assert prompt.head(1000) == b'[{"instructions":"be kind"},{"input":[{"role":"user"}]}]'


def test_items_leave_out_what_is_empty() -> None:
    prompt = ItemsPrompt([{"type": "message", "role": "", "content": "hi", "id": 5}, {}])

    assert prompt.head(1000) == b'[{"type":"message","content":"hi"},{}]'


@pytest.mark.parametrize("limit", [0, 1, 10, 63, 64, 143, 144])
def test_a_head_is_the_beginning_of_the_whole(limit: int) -> None:
    assert ChatPrompt(TERSE).head(limit) == ChatPrompt(TERSE).head(1000)[:limit]


def test_only_the_head_is_encoded() -> None:
    class Unreadable(dict[str, Any]):
        def get(self, *_: object) -> Any:
            raise AssertionError("read beyond the limit")

    messages = [{"role": "user", "content": "a" * 100}, Unreadable()]

    assert len(ChatPrompt(messages).head(100)) == 100


def test_deep_nesting_is_no_problem() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]

    assert JsonPrompt(value).head(100_000) == b"[" * 5001 + b"]" * 5001
