"""``/v1/completions``: OpenAI's text completions as vLLM serves them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gaiectl.simulator.answers.dialect import DONE, data, usage
from gaiectl.simulator.answers.plan import Choice, transfer_params
from gaiectl.simulator.answers.request import Ask, Body, Prompt
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings

ID_PREFIX = "cmpl-"
_FORMS = "prompt: must be a string, token ids, or a list of either; none may be empty"


def prompts_of(body: Body) -> list[Prompt]:
    """Return the prompts: a string, a list of strings, token ids, or lists of token ids."""
    value = body.get("prompt")
    items = value if isinstance(value, list) else [value]
    if items and all(_is_token(item) for item in items):
        items = [items]
    return [_prompt(item) for item in items] or [_prompt(None)]


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _prompt(value: Any) -> Prompt:
    if isinstance(value, str) and value:
        return Prompt.of(value)
    if isinstance(value, list) and value and all(_is_token(item) for item in value):
        return Prompt(",".join(map(str, value)), value)
    raise ApiError(400, _FORMS, "prompt")


def read(fields: Mapping[str, Any], models: Models) -> Ask:
    """Read a request.

    Raises:
        ApiError: 400 or 404, with the field it is about.
    """
    body = Body(fields)
    model = body.text("model")
    return Ask(
        model=model or models.base,
        adapter=models.adapter_of(model),
        prompts=prompts_of(body),
        **body.sampling("max_tokens"),
    )


class Completions:
    """Writes text completions."""

    def __init__(self, ask: Ask, settings: Settings, request_id: str, created: int) -> None:
        self._ask = ask
        self._settings = settings
        self._frame = {
            "id": ID_PREFIX + request_id,
            "object": "text_completion",
            "created": created,
            "model": ask.model,
        }
        empty = orjson.dumps({**self._frame, "choices": [self._choice(0, "", None)]})
        self._head, self._tail = empty.split(b'"text":""')

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        answer = {
            **self._frame,
            "choices": [
                self._choice(choice.index, choice.shown.text, choice.shown.finish_reason)
                for choice in choices
            ],
            "usage": usage(choices, self._ask.n),
        }
        params = transfer_params(self._ask, choices[0], self._settings)
        return answer if params is None else {**answer, "kv_transfer_params": params}

    def opening(self, choices: Sequence[Choice]) -> bytes:
        """Return nothing."""
        del choices
        return b""

    def begin(self, choice: Choice) -> bytes:
        """Return nothing."""
        del choice
        return b""

    def piece(self, choice: Choice, position: int) -> bytes:
        """Return the chunk of one token."""
        head = self._head
        if choice.index:
            head = head.replace(b'"index":0', b'"index":%d' % choice.index)
        text = orjson.dumps(choice.output.pieces[position])
        return b'data: %b"text":%b%b\n\n' % (head, text, self._tail)

    def end(self, choice: Choice) -> bytes:
        """Return the chunk with the finish reason."""
        last = self._choice(choice.index, "", choice.shown.finish_reason)
        chunk = {**self._frame, "choices": [last]}
        params = transfer_params(self._ask, choice, self._settings)
        return data(chunk if params is None else {**chunk, "kv_transfer_params": params})

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the chunk with the usage, if asked for, and the end mark."""
        if not self._ask.include_usage:
            return DONE
        return data({**self._frame, "choices": [], "usage": usage(choices, self._ask.n)}) + DONE

    @staticmethod
    def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
        return {
            "index": index,
            "text": text,
            "logprobs": None,
            "finish_reason": finish_reason,
            "stop_reason": None,
        }
