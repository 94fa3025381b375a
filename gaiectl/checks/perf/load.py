"""What is sent, how much of it and for how long: a measurement as it was wanted. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One load that is held for a while.

    Attributes:
        concurrency: requests under way, each answer followed by a new one (a closed loop).
        rate: requests a second that come by chance (Poisson), whatever is under way (an open loop);
            0 for a closed one.
    """

    concurrency: int = 0
    rate: float = 0.0

    @property
    def label(self) -> str:
        """Its name in tables and reports."""
        return f"{self.rate:g}/s" if self.rate else str(self.concurrency)

    @property
    def words(self) -> str:
        """Its name in sentences."""
        return f"{self.rate:g} requests/s" if self.rate else f"{self.concurrency} at a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A measurement.

    Attributes:
        steps: one after the other.
        seconds: how long requests are begun in each step.
        requests: how many are begun in each step, however long that takes; 0: by time.
        prompt_tokens: about how long prompts are.
        answer_tokens: how long answers are; the model server is asked not to stop before.
        shared: the part of each prompt that others have as well, from the beginning on: 0 to 1.
        prefixes: how many such beginnings there are.
        streams: answers come token by token.
        request_seconds: a request that takes longer has failed.
    """

    steps: tuple[Step, ...]
    seconds: float = 10.0
    requests: int = 0
    prompt_tokens: int = 256
    answer_tokens: int = 64
    shared: float = 0.5
    prefixes: int = 8
    streams: bool = True
    request_seconds: float = 60.0

    def as_json(self) -> dict[str, Any]:
        """Return what is sent, for a report."""
        return {_camel(key): value for key, value in asdict(self).items() if key != "steps"}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Say in what two loads (as in reports) differ, so that their figures mean different things.

    How long each was held is of no account.
    """
    held = {"seconds", "requests", "requestSeconds"}
    return [
        f"{shown(key)} {shown(one.get(key))} and {shown(other.get(key))}"
        for key in sorted((set(one) | set(other)) - held)
        if one.get(key) != other.get(key)
    ]


def shown(value: object) -> str:
    """Return something that a report says, in a few letters that do nothing to a terminal."""
    return "".join(c for c in str(value)[:40] if c.isprintable())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
