"""Request bodies of OpenAI's APIs: which API it is, what is asked of which model.

One decode per request; nothing of the body is changed. The checks and their texts are those of
GAIE 1.4, which clients and tests know; prompts may also be lists, as OpenAI's API allows.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from epp.api.errors import Code, Refusal
from epp.api.request import Prompt
from epp.api.tuples import new_tuple
from epp.parsing.parser import Parsed, Tree, json_object, misshapen
from epp.parsing.prompt import (
    MEDIA,
    ChatPrompt,
    ItemsPrompt,
    JsonPrompt,
    ResponsesPrompt,
    TextPrompt,
    TokenPrompt,
)
from epp.parsing.usage import UsageScanner


class _Misshapen(Exception):
    """A declared field is missing, empty or of a wrong type."""


def parse_request(body: bytes, path: str) -> Parsed:
    """Read the body of a request to ``path`` (without query).

    Raises:
        Refusal: 400 with GAIE 1.4's text: not a JSON object, no model, or fields of the API
            missing, empty or mistyped.
    """
    tree = json_object(body)
    model = tree.get("model")
    if type(model) is not str:
        raise Refusal(Code.BAD_REQUEST, "model not found in request body")
    prompt, salt = prompt_of(tree, path)
    is_streaming = tree.get("stream") is True
    return new_tuple(Parsed, (model, prompt, salt, is_streaming, tree, UsageScanner))


def prompt_of(tree: Tree, path: str) -> tuple[Prompt, str]:
    """Return the prompt and the cache salt of a body, whose ``model`` need not be there.

    Raises:
        Refusal: as ``parse_request``.
    """
    api = _api(path)
    try:
        prompt = api.prompt(tree)
        salt = _optional(tree, "cache_salt", str) if "cache_salt" in tree else ""
    except _Misshapen:
        detail = "messages" if tree.get("messages") else ""
        raise misshapen(api.title, api.demand, detail=detail) from None
    return prompt, salt or ""


def _optional(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is not None and type(value) is not kind:
        raise _Misshapen
    return value


def _completions(tree: Tree) -> Prompt:
    prompt = tree.get("prompt")
    if type(prompt) is str and prompt:
        return TextPrompt((prompt,))
    if type(prompt) is not list or not prompt:
        raise _Misshapen
    kinds = set(map(type, prompt))
    if kinds == {str}:
        return TextPrompt(prompt)
    if kinds == {int}:
        return TokenPrompt((prompt,))
    if kinds == {list} and all(set(map(type, tokens)) == {int} for tokens in prompt):
        return TokenPrompt(prompt)
    raise _Misshapen


_CHAT_OPTIONS = {
    "tools": list,
    "documents": list,
    "chat_template": str,
    "return_assistant_tokens_mask": bool,
    "continue_final_message": bool,
    "add_generation_prompt": bool,
    "chat_template_kwargs": dict,
}


def _chat(tree: Tree) -> Prompt:
    messages = tree.get("messages")
    if type(messages) is not list or not messages:
        raise _Misshapen
    for message in messages:
        if type(message) is not dict:
            raise _Misshapen
        _optional(message, "role", str)
        content = message.get("content")
        if type(content) is list:
            for block in content:
                _check_block(block)
        elif content is not None and type(content) is not str:
            raise _Misshapen
    for name in tree.keys() & _CHAT_OPTIONS.keys():
        _optional(tree, name, _CHAT_OPTIONS[name])
    return ChatPrompt(messages)


def _check_block(block: Any) -> None:
    if type(block) is not dict:
        raise _Misshapen
    _optional(block, "type", str)
    _optional(block, "text", str)
    for name, fields in MEDIA.items():
        part = _optional(block, name, dict)
        for field in fields if part else ():
            _optional(part, field, str)


def _responses(tree: Tree) -> Prompt:
    if not tree.get("input"):
        raise _Misshapen
    keys = ("instructions", "tools", "input")
    return ResponsesPrompt([(key, tree[key]) for key in keys if tree.get(key) is not None])


def _conversations(tree: Tree) -> Prompt:
    items = tree.get("items")
    if type(items) is not list or not items:
        raise _Misshapen
    for item in items:
        if type(item) is not dict:
            raise _Misshapen
        _optional(item, "type", str)
        _optional(item, "role", str)
    return ItemsPrompt(items)


def _embeddings(tree: Tree) -> Prompt:
    if not tree.get("input"):
        raise _Misshapen
    return JsonPrompt(tree["input"])


class _Api(NamedTuple):
    suffix: str
    title: str
    demand: str
    prompt: Callable[[Tree], Prompt]


_COMPLETIONS = _Api("/completions", "completions", "must have prompt field", _completions)
# In this order: a path that ends in "/chat/completions" ends in "/completions" too.
_APIS = (
    _Api("/conversations", "conversations", "must have items field", _conversations),
    _Api("/responses", "responses", "must have input field", _responses),
    _Api("/chat/completions", "chat completions", "must have valid messages field", _chat),
    _COMPLETIONS,
    _Api("/embeddings", "embeddings", "must have input field", _embeddings),
)


@lru_cache(maxsize=256)
def _api(path: str) -> _Api:
    """Tell the API by the end of the path (any prefix is a provider's), or by GAIE 1.4's rule."""
    for api in _APIS:
        if path.endswith(api.suffix):
            return api
    for api in _APIS:
        if f"/v1{api.suffix}" in path:
            return api
    return _COMPLETIONS
