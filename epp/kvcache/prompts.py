"""What of a request is to be tokenized."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from epp.api.request import Request

MAX_ID = 0xFFFFFFFF

_CHAT_FIELDS = (
    "messages",
    "tools",
    "add_generation_prompt",
    "continue_final_message",
    "add_special_tokens",
    "chat_template_kwargs",
    "documents",
)


class Unanswered(Exception):
    """A server has no ids for a prompt now."""


class Ids(NamedTuple):
    """Prompts that came as token ids.

    Attributes:
        prompts: ids of each.
    """

    prompts: Sequence[Sequence[int]]


class Texts(NamedTuple):
    """Prompts of completions.

    Attributes:
        texts: one for each prompt.
        adds_special_tokens: what the tokenizer puts around a text belongs to it.
    """

    texts: Sequence[str]
    adds_special_tokens: bool = True


class Chat(NamedTuple):
    """A chat, whose template makes the text.

    Attributes:
        fields: those of the body that the template may use.
    """

    fields: Mapping[str, Any]

    @property
    def is_plain(self) -> bool:
        """Every message is an object with a text, or with parts that are texts."""
        return all(map(_is_plain, self.fields["messages"]))


def work_of(request: Request) -> Ids | Texts | Chat | None:
    """Return what is to be tokenized; None for APIs whose text the model server makes otherwise."""
    body = request.body
    if body is None:
        return None
    if isinstance(body.get("messages"), list):
        return Chat({name: body[name] for name in _CHAT_FIELDS if name in body})
    prompt = body.get("prompt")
    if isinstance(prompt, str):
        prompt = [prompt]
    if not isinstance(prompt, list) or not prompt:
        return None
    if all(isinstance(text, str) for text in prompt):
        return Texts(prompt, body.get("add_special_tokens") is not False)
    if _are_ids(prompt):
        return Ids((prompt,))
    return Ids(prompt) if all(map(_are_ids, prompt)) else None


def _are_ids(value: Any) -> bool:
    return (
        isinstance(value, list)
        and set(map(type, value)) <= {int}
        and (not value or (min(value) >= 0 and max(value) <= MAX_ID))
    )


def _is_plain(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    content = message.get("content")
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") == "text" for part in content)
    return content is None or isinstance(content, str)
