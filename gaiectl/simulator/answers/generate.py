"""``/inference/v1/generate``: vLLM's API of token ids in, token ids out."""

from collections.abc import Mapping, Sequence
from typing import Any

from gaiectl.simulator.answers.dialect import DONE, data, usage
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
    ids = body.get("token_ids")
    valid = isinstance(ids, list) and all(
        isinstance(token, int) and not isinstance(token, bool) and 0 <= token < 2**32
        for token in ids
    )
    if not valid or not ids:
        raise ApiError(400, "token_ids: must be a list of at least one token id", "token_ids")
    model = body.text("model")
    # Sampling stands in an object of its own; llm-d's simulator also takes it from the top.
    sampling = Body({**fields, **body.mapping("sampling_params")})
    return Ask(
        model=model or models.base,
        adapter=models.adapter_of(model),
        prompts=[Prompt(",".join(map(str, ids)), ids)],
        **sampling.sampling("max_tokens"),
    )


class Generate:
    """Writes token ids."""

    def __init__(self, ask: Ask, settings: Settings, request_id: str, created: int) -> None:
        self._ask = ask
        self._settings = settings
        self._frame = {
            "id": request_id,
            "object": "generate",
            "created": created,
            "model": ask.model,
            "request_id": request_id,
        }

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the body of an answer that is not streamed."""
        return {
            **self._frame,
            "choices": [
                self._choice(
                    choice,
                    () if choice.job.below_threshold else choice.job.answer,
                    choice.shown.finish_reason,
                )
                for choice in choices
            ],
            "usage": usage(choices, self._ask.n),
            "kv_transfer_params": transfer_params(self._ask, choices[0], self._settings),
        }

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
        token = choice.job.answer[position]
        return data({**self._frame, "choices": [self._choice(choice, [token], None)]})

    def end(self, choice: Choice) -> bytes:
        """Return the chunk with the finish reason."""
        last = self._choice(choice, (), choice.shown.finish_reason)
        params = transfer_params(self._ask, choice, self._settings)
        return data({**self._frame, "choices": [last], "kv_transfer_params": params})

    def closing(self, choices: Sequence[Choice]) -> bytes:
        """Return the chunk with the usage, if asked for, and the end mark."""
        if not self._ask.include_usage:
            return DONE
        return data({**self._frame, "choices": [], "usage": usage(choices, self._ask.n)}) + DONE

    @staticmethod
    def _choice(choice: Choice, ids: Sequence[int], finish_reason: str | None) -> dict[str, Any]:
        return {
            "index": choice.index,
            "token_ids": list(ids),
            "logprobs": None,
            "finish_reason": finish_reason,
        }
