"""Errors of the API: their JSON form, and the six that llm-d-inference-sim can be told to give."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from gaiectl.simulator.settings import FAILURE_TYPES

_TYPES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    413: "RequestEntityTooLargeError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


@dataclass
class ApiError(Exception):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        message: what is wrong.
        param: the field it is about, if one.
    """

    status: int
    message: str
    param: str | None = None

    @property
    def type(self) -> str:
        """The name that OpenAI's and vLLM's APIs give to the status."""
        return _TYPES.get(
            self.status, "InternalServerError" if self.status >= 500 else "BadRequestError"
        )

    def body(self) -> bytes:
        """Return the JSON body."""
        return orjson.dumps({
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.status,
            }
        })  # fmt: skip


def injected(
    rng: random.Random, *, rate: float, types: Sequence[str], model: str
) -> ApiError | None:
    """Draw whether a request fails, ``rate`` being percent, and how."""
    if rate <= 0 or rng.random() * 100 >= rate:
        return None
    return failure(rng.choice(types or FAILURE_TYPES), model)


def failure(kind: str, model: str) -> ApiError:
    """Return one of the six failures."""
    return {
        "rate_limit": ApiError(
            429,
            f"Rate limit reached for {model} in organization org-xxx on requests per min (RPM): "
            "Limit 3, Used 3, Requested 1.",
        ),
        "invalid_api_key": ApiError(401, "Incorrect API key provided."),
        "context_length": ApiError(
            400,
            "This model's maximum context length is 4096 tokens. However, your messages resulted "
            "in 4500 tokens. Please reduce the length of the messages.",
            "messages",
        ),
        "server_error": ApiError(503, "The server is overloaded or not ready yet."),
        "invalid_request": ApiError(
            400, "Invalid request: missing required parameter 'model'.", "model"
        ),
        "model_not_found": ApiError(
            404, f"The model '{model}-nonexistent' does not exist.", "model"
        ),
    }[kind]


def asked_for(header: str) -> ApiError:
    """Return the error that the request header ``X-Return-Error`` asks for."""
    try:
        status = int(header)
        if not 400 <= status <= 599:
            raise ValueError  # noqa: TRY301 - one message for both
    except ValueError:
        return ApiError(400, f"X-Return-Error: {header!r} is no HTTP status from 400 to 599")
    return ApiError(status, f"Error {status}, as X-Return-Error asked for")
