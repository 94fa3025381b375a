"""``/v1/responses``: OpenAI's Responses API, text only, as vLLM serves it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl.simulator import tokens
from gaiectl.simulator.answers.dialect import event, usage
from gaiectl.simulator.answers.plan import Choice, transfer_params
from gaiectl.simulator.answers.request import Ask, Body, Prompt
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings


def read(fields: Mapping[str, Any], models: Models) -> Ask:
    """Read a request.

    Raises:
        ApiError: 400 or 404, with the field it is about.
    """
    body = Body(fields)
    model = body.text("model")
    said = body.get("input")
    items = [{"role": "user", "content": said}] if isinstance(said, str) else body.objects("input")
    if not items or not said:
        raise ApiError(400, "input: must be a string or a list of items, not empty", "input")
    instructions = body.text("instructions")
    before = [{"role": "system", "content": instructions}] if instructions else []
    turns = [*before, *map(_turn, items)]
    return Ask(
        model=model or models.base,
        adapter=models.adapter_of(model),
        prompts=[Prompt.of(tokens.chat_text(turns), tokens.content_text(turns[-1]["content"]))],
        stream=body.switch("stream"),
        max_tokens=body.whole("max_output_tokens", 1),
        kv_transfer=body.mapping("kv_transfer_params"),
    )


def _turn(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input item as a message; calls and their outputs count as text."""
    content = item.get("content", item.get("output", item.get("arguments", "")))
    return {"role": item.get("role", "tool"), "content": content}


class Responses:
    """Writes responses."""

    def __init__(self, ask: Ask, settings: Settings, request_id: str, created: int) -> None:
        self._ask = ask
        self._settings = settings
        self._created = created
        self._id = f"resp_{request_id}"
        self._item_id = f"msg_{request_id}"
        self._sequence = 0

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        choice = choices[0]
        cut = choice.shown.finish_reason == "length"
        counts = usage(choices, 1)
        answer = self._response("incomplete" if cut else "completed", [self._item(choice)])
        answer["incomplete_details"] = {"reason": "max_output_tokens"} if cut else None
        answer["usage"] = {
            "input_tokens": counts["prompt_tokens"],
            "input_tokens_details": counts["prompt_tokens_details"],
            "output_tokens": counts["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": counts["total_tokens"],
        }
        params = transfer_params(self._ask, choice, self._settings)
        return answer if params is None else {**answer, "kv_transfer_params": params}

    def opening(self, choices: Sequence[Choice]) -> bytes:
        """Return the events that start the response, its message and its text."""
        del choices
        started = {"response": self._response("in_progress", [])}
        item = {**self._shell("in_progress"), "content": []}
        return b"".join((
            self._event("response.created", started),
            self._event("response.in_progress", started),
            self._event("response.output_item.added", {"output_index": 0, "item": item}),
            self._event("response.content_part.added", self._part("")),
        ))  # fmt: skip

    def begin(self, choice: Choice) -> bytes:
        """Return nothing."""
        del choice
        return b""

    def piece(self, choice: Choice, position: int) -> bytes:
        """Return the event of one token."""
        delta = {"delta": choice.output.pieces[position], "logprobs": [], **self._place()}
        return self._event("response.output_text.delta", delta)

    def end(self, choice: Choice) -> bytes:
        """Return the events that end text and message."""
        text = choice.shown.text
        done = {"text": text, "logprobs": [], **self._place()}
        item = {"output_index": 0, "item": self._item(choice)}
        return b"".join((
            self._event("response.output_text.done", done),
            self._event("response.content_part.done", self._part(text)),
            self._event("response.output_item.done", item),
        ))  # fmt: skip

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the event with the whole response."""
        whole = self.whole(choices)
        return self._event(f"response.{whole['status']}", {"response": whole})

    def _event(self, name: str, value: dict[str, Any]) -> bytes:
        numbered = event(name, {"sequence_number": self._sequence, **value})
        self._sequence += 1
        return numbered

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item_id, "output_index": 0, "content_index": 0}

    def _part(self, text: str) -> dict[str, Any]:
        return {**self._place(), "part": {"type": "output_text", "text": text, "annotations": []}}

    def _shell(self, status: str) -> dict[str, Any]:
        return {"type": "message", "id": self._item_id, "role": "assistant", "status": status}

    def _item(self, choice: Choice) -> dict[str, Any]:
        content = {"type": "output_text", "text": choice.shown.text, "annotations": []}
        return {**self._shell("completed"), "content": [content]}

    def _response(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": self._ask.model,
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
        }
