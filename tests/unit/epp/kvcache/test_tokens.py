"""From requests to token ids, by the tokenizer of the model and without one."""

import json
import shutil
from array import array
from pathlib import Path
from typing import Any

import pytest
import xxhash

from epp.api.data import Tokens, find
from epp.api.errors import ConfigError
from epp.api.request import Request
from epp.kvcache.estimate import estimate
from epp.kvcache.events import Stored, decode
from epp.kvcache.prompts import Chat, Texts
from epp.kvcache.settings import EstimateConfig, ImageEstimate, StaticImage, TokenizerFiles
from epp.kvcache.tokenizer import LocalTokenizer, Untokenizable
from epp.kvcache.tokens import TokenCache, Tokenization


def asked(body: dict[str, Any], model: str = "food-review") -> Request:
    size = len(json.dumps(body))
    return Request("id", {}, model, target_model=model, body=body, size=size)


def estimated(body: dict[str, Any]) -> list[bytes]:
    return [array("I", prompt).tobytes() for prompt in estimate(asked(body)).prompts]


def test_the_local_tokenizer_makes_the_ids_that_vllm_made(
    tiny_llama: Path, critic: str, recorded: list[bytes]
) -> None:
    (ids,) = LocalTokenizer(tiny_llama).tokens(Texts([critic]))
    first, second = (decode(payload).events[0] for payload in recorded[:2])
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)

    assert len(ids) == 57
    assert [*first.tokens, *second.tokens][:57] == list(ids)


def test_a_chat_is_written_by_the_models_template(tiny_llama: Path) -> None:
    tokenizer = LocalTokenizer(tiny_llama / "tokenizer.json")
    messages = [
        {"role": "system", "content": "Be <brief>."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ]
    (plain,) = tokenizer.tokens(Texts(["system: Be <brief>.\nuser: hi\nassistant:"], False))

    assert tokenizer.tokens(Chat({"messages": messages})) == [plain]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": ["hi"]},
        {"messages": [{"role": "user", "content": "a"}], "continue_final_message": True},
    ],
)
def test_what_only_the_server_can_tokenize_is_left_to_it(
    tiny_llama: Path, fields: dict[str, Any]
) -> None:
    with pytest.raises(Untokenizable):
        LocalTokenizer(tiny_llama).tokens(Chat(fields))


def test_a_template_that_refuses_or_breaks_gives_no_ids(tiny_llama: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_llama / "tokenizer.json", tmp_path)
    chat = Chat({"messages": [{"role": "user", "content": "hi"}]})
    for template in ("{{ raise_exception('no') }}", "{{ 1 / 0 }}", "{{ ''.__class__.__mro__ }}"):
        (tmp_path / "chat_template.jinja").write_text(template)

        with pytest.raises(Untokenizable):
            LocalTokenizer(tmp_path).tokens(chat)


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"version": "1.0"}'])
def test_files_that_are_no_tokenizer_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)

    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        LocalTokenizer(tmp_path)
    with pytest.raises(ConfigError, match="nowhere"):
        LocalTokenizer(tmp_path / "nowhere")


async def test_short_prompts_are_tokenized_at_once_and_long_ones_beside(
    tiny_llama: Path, critic: str
) -> None:
    way = Tokenization(local=lambda _: tiny_llama)
    way.name = "tokens"
    await way.start()
    short, long = asked({"prompt": critic}), asked({"prompt": critic * 40})

    assert way.produce(short) is None
    waiting = way.produce(long)
    assert waiting is not None
    assert find(long, Tokens) is None
    await waiting
    await way.stop()

    found = find(short, Tokens, "tokens")
    assert found is not None
    assert (found.total, found.is_exact) == (57, True)
    found = find(long, Tokens)
    assert found is not None
    assert found.total > 57 * 30


async def test_each_model_has_its_tokenizer_and_names_lead_nowhere_else(
    tiny_llama: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_llama, tmp_path / "models" / "org" / "tiny")
    files = TokenizerFiles(auto_discovery_dir=str(tmp_path / "models"))
    shutil.copytree(tiny_llama, tmp_path / "secret")
    way = Tokenization(local=files.path_of)
    await way.start()
    found = {}
    for model in ("org/tiny", "org/other", "../secret", "/etc", "a\0b", "x" * 5000, ""):
        request = asked({"prompt": "hi"}, model)
        # It is loaded beside the event loop.
        if (waiting := way.produce(request)) is not None:
            await waiting
        found[model] = find(request, Tokens) is not None
    await way.stop()

    assert [model for model, is_found in found.items() if is_found] == ["org/tiny"]


async def test_a_prompt_that_the_library_fails_at_has_no_tokens(tiny_llama: Path) -> None:
    class PanicException(BaseException):
        """As those of Rust libraries, which no other part must have to know."""

    class Library:
        def encode_batch_fast(self, *_: Any, **__: Any) -> Any:
            raise PanicException

    way = Tokenization(local=lambda _: tiny_llama)
    await way.start()
    way._tokenizers[""]._tokenizer = Library()  # type: ignore[union-attr]
    for prompt in ("hi", "hi " * 5000):
        request = asked({"prompt": prompt})
        if (waiting := way.produce(request)) is not None:
            await waiting
        assert find(request, Tokens) is None
    await way.stop()


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [([1, 2, 3], [[1, 2, 3]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
def test_prompts_that_came_as_ids_are_taken_as_they_are(
    prompt: list[Any], prompts: list[list[int]]
) -> None:
    for way in (Tokenization(), Tokenization(local=lambda _: None)):
        request = asked({"prompt": prompt})
        assert way.produce(request) is None
        found = find(request, Tokens)
        assert found is not None

        assert [list(ids) for ids in found.prompts] == prompts
        assert found.is_exact


@pytest.mark.parametrize("prompt", [[-1], [2**32], [True], [1.5], [], {}, [1, "a"]])
def test_what_is_no_prompt_has_no_exact_ids(prompt: object) -> None:
    request = asked({"prompt": prompt})
    Tokenization().produce(request)
    found = find(request, Tokens)

    assert found is None or not found.is_exact


def test_an_estimate_packs_four_bytes_into_an_id() -> None:
    assert estimated({"prompt": "abcde"}) == [b"abcde\0\0\0"]
    assert estimated({"prompt": ["ab", "cd"]}) == [b"ab\0\0", b"cd\0\0"]
    assert estimated({}) == []


def test_an_estimate_of_a_chat_is_tools_roles_texts_and_places_for_pictures() -> None:
    url = "http://x/y.png"
    mark = (xxhash.xxh64_intdigest(url.encode()) & 0xFFFFFFFF).to_bytes(4, "little")
    (packed,) = estimated(
        {
            "tools": [{"type": "f", "a": "<"}],
            "messages": [
                {"role": "user", "content": "hello"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image_url", "image_url": {"url": url}},
                    ],
                },
            ],
        }
    )
    text = rb'[{"a":"\u003c","type":"f"}]userhellousersee'
    padded = text + bytes(-len(text) % 4)

    assert packed == padded + mark * 225


def test_the_number_of_places_for_a_picture_can_be_given() -> None:
    given = EstimateConfig(ImageEstimate(mode="static", static=StaticImage(7)))

    assert given.count("image_url", "x") == 7
    assert EstimateConfig().count("image_url", "x") == 225
    assert EstimateConfig().count("input_audio", "x") == 250


@pytest.mark.parametrize(
    "message",
    [
        7,
        {"role": 5, "content": 6},
        {"content": [7, {"type": []}, {"type": "image_url", "image_url": 5}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": 5}}]},
    ],
)
def test_odd_chats_have_an_estimate_too(message: object) -> None:
    assert estimate(asked({"messages": [message]})).is_exact is False


def test_the_ids_of_prompts_seen_before_are_kept_within_bounds() -> None:
    cache = TokenCache(1000)
    for number in range(100):
        cache.put(b"%d" % number, [array("I", range(100))])
        cache.get(b"0")

    assert cache.get(b"0") is not None
    assert cache.get(b"99") is not None
    assert cache.get(b"50") is None
