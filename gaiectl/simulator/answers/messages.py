"""``/v1/messages``: Anthropic's Messages API, text only, as vLLM serves it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl.simulator import tokens
from gaiectl.simulator.answers.dialect import event, usage
from gaiectl.simulator.answers.plan import Choice
from gaiectl.simulator.answers.request import Ask, Body, Prompt
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings

_STOP_REASONS = {"length": "max_tokens", "tool_calls": "tool_use"}


def read(fields: Mapping[str, Any], models: Models) -> Ask:
    """Read a request.

    Raises:
        ApiError: 400 or 404, with the field it is about.
    """
    body = Body(fields)
    model = body.text("model")
    messages = body.objects("messages")
    if not messages:
        raise ApiError(400, "messages: must be a list of at least one message", "messages")
    max_tokens = body.whole("max_tokens", 1)
    if max_tokens is None:
        raise ApiError(400, "max_tokens: is required", "max_tokens")
    system = body.get("system")
    before = [{"role": "system", "content": system}] if system else []
    said_last = tokens.content_text(messages[-1].get("content"))
    return Ask(
        model=model or models.base,
        adapter=models.adapter_of(model),
        prompts=[Prompt.of(tokens.chat_text([*before, *messages]), said_last)],
        stream=body.switch("stream"),
        max_tokens=max_tokens,
        stops=body.stops("stop_sequences"),
        kv_transfer=body.mapping("kv_transfer_params"),
    )


class Messages:
    """Writes messages."""

    def __init__(self, ask: Ask, settings: Settings, request_id: str, created: int) -> None:
        del settings, created
        self._ask = ask
        self._id = f"msg_{request_id}"

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        shown = choices[0].shown
        return self._message(
            [{"type": "text", "text": shown.text}],
            _stop_reason(choices[0]),
            _usage(choices, len(shown.pieces)),
        )

    def opening(self, choices: Sequence[Choice]) -> bytes:
        """Return the events that start the message and its only block."""
        message = self._message([], None, _usage(choices, 0))
        block = {"index": 0, "content_block": {"type": "text", "text": ""}}
        return event("message_start", {"message": message}) + event("content_block_start", block)

    def begin(self, choice: Choice) -> bytes:
        """Return nothing."""
        del choice
        return b""

    def piece(self, choice: Choice, position: int) -> bytes:
        """Return the event of one token."""
        delta = {"type": "text_delta", "text": choice.output.pieces[position]}
        return event("content_block_delta", {"index": 0, "delta": delta})

    def end(self, choice: Choice) -> bytes:
        """Return the events that end the block and say why."""
        delta = {"stop_reason": _stop_reason(choice), "stop_sequence": None}
        counts = _usage([choice], len(choice.shown.pieces))
        return event("content_block_stop", {"index": 0}) + event(
            "message_delta", {"delta": delta, "usage": counts}
        )

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the event that ends the message."""
        del choices
        return event("message_stop", {})

    def _message(
        self, content: list[dict[str, Any]], stop_reason: str | None, counts: dict[str, int]
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "content": content,
            "model": self._ask.model,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": counts,
        }


def _stop_reason(choice: Choice) -> str:
    return _STOP_REASONS.get(choice.shown.finish_reason, "end_turn")


def _usage(choices: Sequence[Choice], generated: int) -> dict[str, int]:
    counts = usage(choices, 1)
    cached = counts["prompt_tokens_details"]["cached_tokens"]
    return {
        "input_tokens": counts["prompt_tokens"] - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": generated,
    }
