"""``/v1/chat/completions``: OpenAI's chat API as vLLM serves it."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gaiectl.simulator import tokens
from gaiectl.simulator.answers.dialect import DONE, data, usage
from gaiectl.simulator.answers.plan import Choice, transfer_params
from gaiectl.simulator.answers.request import Ask, Body, Prompt
from gaiectl.simulator.answers.tools import demanded
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings

ID_PREFIX = "chatcmpl-"


def prompt_of(body: Body) -> Prompt:
    """Return the messages as one prompt."""
    messages = body.objects("messages")
    if not messages:
        raise ApiError(400, "messages: must be a list of at least one message", "messages")
    text = tokens.chat_text(messages)
    return Prompt.of(text, tokens.content_text(messages[-1].get("content")))


def read(fields: Mapping[str, Any], models: Models) -> Ask:
    """Read a request.

    Raises:
        ApiError: 400 or 404, with the field it is about.
    """
    body = Body(fields)
    model = body.text("model")
    limit = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
    return Ask(
        model=model or models.base,
        adapter=models.adapter_of(model),
        prompts=[prompt_of(body)],
        tool=demanded(body.objects("tools"), body.get("tool_choice")),
        **body.sampling(limit),
    )


class Chat:
    """Writes chat completions."""

    def __init__(self, ask: Ask, settings: Settings, request_id: str, created: int) -> None:
        self._ask = ask
        self._settings = settings
        self._frame = {"id": ID_PREFIX + request_id, "created": created, "model": ask.model}
        self._call_id = f"call-{request_id}"
        empty = orjson.dumps(self._chunk(0, {"content": ""}, None))
        # A stream is nearly all pieces, and they differ in nothing but text and choice.
        self._head, self._tail = empty.split(b'"content":""')
        self._index = b'"index":0'

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        answer = {
            **self._frame,
            "object": "chat.completion",
            "choices": [
                {
                    "index": choice.index,
                    "message": self._message(choice),
                    "logprobs": None,
                    "finish_reason": choice.shown.finish_reason,
                }
                for choice in choices
            ],
            "usage": usage(choices, self._ask.n),
        }
        params = transfer_params(self._ask, choices[0], self._settings)
        return answer if params is None else {**answer, "kv_transfer_params": params}

    def opening(self, choices: Sequence[Choice]) -> bytes:
        """Return nothing: each choice opens itself."""
        del choices
        return b""

    def begin(self, choice: Choice) -> bytes:
        """Return the chunk with the role, or with the name of the tool that is called."""
        delta: dict[str, Any] = {"role": "assistant", "content": ""}
        if choice.output.tool_call:
            delta["content"] = None
            delta["tool_calls"] = [self._call(choice, arguments="")]
        return data(self._chunk(choice.index, delta, None))

    def piece(self, choice: Choice, position: int) -> bytes:
        """Return the chunk of one token."""
        text = choice.output.pieces[position]
        if choice.output.tool_call:
            call = {"index": 0, "function": {"arguments": text}}
            return data(self._chunk(choice.index, {"tool_calls": [call]}, None))
        head = self._head
        if choice.index:
            head = head.replace(self._index, b'"index":%d' % choice.index)
        return b'data: %b"content":%b%b\n\n' % (head, orjson.dumps(text), self._tail)

    def end(self, choice: Choice) -> bytes:
        """Return the chunk with the finish reason."""
        chunk = self._chunk(choice.index, {}, choice.shown.finish_reason)
        params = transfer_params(self._ask, choice, self._settings)
        return data(chunk if params is None else {**chunk, "kv_transfer_params": params})

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the chunk with the usage, if asked for, and the end mark."""
        if not self._ask.include_usage:
            return DONE
        chunk = {**self._frame, "object": "chat.completion.chunk", "choices": []}
        return data({**chunk, "usage": usage(choices, self._ask.n)}) + DONE

    def _chunk(
        self, index: int, delta: dict[str, Any], finish_reason: str | None
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._frame, "object": "chat.completion.chunk", "choices": [choice]}

    def _message(self, choice: Choice) -> dict[str, Any]:
        if choice.output.tool_call and not choice.job.below_threshold:
            call = self._call(choice, arguments=choice.output.text)
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"role": "assistant", "content": choice.shown.text}

    def _call(self, choice: Choice, *, arguments: str) -> dict[str, Any]:
        name = choice.output.tool_call[0] if choice.output.tool_call else ""
        return {
            "index": 0,
            "id": self._call_id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
