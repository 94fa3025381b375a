"""What every API's request comes down to, and typed reading of JSON bodies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gaiectl.simulator import tokens
from gaiectl.simulator.failures import ApiError


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: its text (what echo mode says back) and its token ids."""

    text: str
    ids: Sequence[int]

    @classmethod
    def of(cls, text: str, said_last: str | None = None) -> "Prompt":
        """Tokenize a text; ``said_last`` is what echo mode says back instead of all of it."""
        return cls(text if said_last is None else said_last, tokens.encode(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request for generated text.

    Attributes:
        model: as named by the client.
        adapter: the LoRA adapter it stands for, empty for the base model.
        prompts: at least one; each gets ``n`` answers.
        max_tokens: the client's limit, None if it gave none.
        stops: sequences that end an answer.
        kv_transfer: the field ``kv_transfer_params``.
        threshold: the field ``cache_hit_threshold``, None if absent.
        tool: function to call and its arguments as JSON text, if the client insists on a call.
    """

    model: str
    adapter: str
    prompts: Sequence[Prompt]
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    stops: Sequence[str] = ()
    seed: int | None = None
    kv_transfer: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | None = None
    tool: tuple[str, str] | None = None


class Body:
    """A JSON object with typed reading; a wrong type is a 400 that names the field."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def get(self, name: str) -> Any:
        """Return a field as it is, None if absent."""
        return self.fields.get(name)

    def text(self, name: str) -> str:
        """Return a string, empty if absent."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise ApiError(400, f"{name}: must be a string", name)
        return value or ""

    def switch(self, name: str) -> bool:
        """Return a boolean, false if absent."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise ApiError(400, f"{name}: must be true or false", name)
        return bool(value)

    def whole(self, name: str, low: int, high: int = 2**63) -> int | None:
        """Return a whole number from ``low`` to ``high``, None if absent."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ApiError(400, f"{name}: must be a whole number of at least {low}", name)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number from ``low`` to ``high``, None if absent."""
        value = self.fields.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise ApiError(400, f"{name}: must be a number between {low} and {high}", name)
        return float(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object, empty if absent."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise ApiError(400, f"{name}: must be an object", name)
        return value or {}

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """Return a list of objects, empty if absent."""
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ApiError(400, f"{name}: must be a list of objects", name)
        return value

    def stops(self, name: str = "stop") -> list[str]:
        """Return one string or a list of them as a list."""
        value = self.fields.get(name)
        values = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in values):
            raise ApiError(400, f"{name}: must be a string or a list of strings", name)
        return values

    def sampling(self, max_tokens: str) -> dict[str, Any]:
        """Return the fields of ``Ask`` that mean the same in every API of OpenAI's family."""
        return {
            "n": self.whole("n", 1, 128) or 1,
            "stream": self.switch("stream"),
            "include_usage": Body(self.mapping("stream_options")).switch("include_usage"),
            "max_tokens": self.whole(max_tokens, 1),
            "min_tokens": self.whole("min_tokens", 0) or 0,
            "ignore_eos": self.switch("ignore_eos"),
            "stops": self.stops(),
            "seed": self.whole("seed", -(2**63)),
            "kv_transfer": self.mapping("kv_transfer_params"),
            "threshold": self.number("cache_hit_threshold", 0, 1),
        }
