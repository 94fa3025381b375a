"""``/v1/embeddings``: vectors that depend on the text alone, of length 1."""

import base64
import math
import random
from array import array
from collections.abc import Mapping
from typing import Any

from gaiectl.simulator.answers.completions import prompts_of
from gaiectl.simulator.answers.request import Body, Prompt
from gaiectl.simulator.failures import ApiError
from gaiectl.simulator.lora import Models

_MAX_DIMENSIONS = 65_536


def vector(prompt: Prompt, dimensions: int) -> list[float]:
    """Return a unit vector; the same tokens give the same vector everywhere."""
    rng = random.Random(",".join(map(str, prompt.ids)))
    values = [rng.gauss(0, 1) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


def answer(
    fields: Mapping[str, Any], models: Models, *, dimensions: int
) -> tuple[dict[str, Any], list[Prompt]]:
    """Return the body of the answer and the prompts it embeds.

    Raises:
        ApiError: 400 or 404, with the field it is about.
    """
    body = Body({**fields, "prompt": fields.get("input")})
    model = body.text("model")
    models.adapter_of(model)
    try:
        prompts = prompts_of(body)
    except ApiError as error:
        raise ApiError(400, error.message.replace("prompt:", "input:"), "input") from None
    encoding = body.text("encoding_format") or "float"
    if encoding not in {"float", "base64"}:
        raise ApiError(400, "encoding_format: must be float or base64", "encoding_format")
    size = body.whole("dimensions", 1, _MAX_DIMENSIONS) or dimensions
    counted = sum(len(prompt.ids) for prompt in prompts)
    return {
        "id": "embd-simulated",
        "object": "list",
        "model": model or models.base,
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _encoded(vector(prompt, size), encoding),
            }
            for index, prompt in enumerate(prompts)
        ],
        "usage": {"prompt_tokens": counted, "total_tokens": counted, "completion_tokens": 0},
    }, prompts


def _encoded(values: list[float], encoding: str) -> list[float] | str:
    if encoding == "float":
        return values
    return base64.b64encode(array("f", values).tobytes()).decode()
