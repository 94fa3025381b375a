"""What a model without a model says: how long an answer is and which words it has.

The distribution of lengths is llm-d-inference-sim's; the sentences are our own.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gaiectl.simulator import tokens

_SENTENCES = tuple(
    tuple(tokens.split(sentence))
    for sentence in (
        "The request came in quietly and found a place at once. ",
        "A queue is only a promise that somebody is counting. ",
        "Every token costs a little, and the first one costs the most. ",
        "Nothing here was learned; these words were laid out in advance. ",
        "If the cache remembers you, the answer arrives sooner. ",
        "Seven blocks were taken, five came back, two stayed warm. ",
        "Measure twice, route once, and write the number down. ",
        "The gateway asked which server was least busy, and it was this one. ",
        "Rain fell on the data center, and no machine noticed. ",
        "To stream is to answer before one has finished thinking. ",
        "An idle slot and a full slot look the same from far away. ",
        "Some days the adapter is loaded; on others it has to wait its turn. ",
    )
)
_BUCKET_WEIGHTS = (20, 30, 20, 5, 10, 15)
_BUCKET = 20
_MEAN, _STD_DEV = 40, 20


@dataclass(frozen=True, slots=True)
class Output:
    """An answer, decided before its first token is sent.

    Attributes:
        pieces: text of each token.
        finish_reason: ``stop`` or ``length``, or what else ended it.
        tool_call: function name and arguments as JSON text, in place of a message.
    """

    pieces: Sequence[str]
    finish_reason: str
    tool_call: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def answer_length(rng: random.Random, *, limit: int, limited_by_user: bool) -> int:
    """Return a random number of tokens, 1 to ``limit``."""
    if not limited_by_user:
        if limit < _BUCKET:
            return rng.randint(1, max(limit, 1))
        return max(1, min(round(rng.gauss(_MEAN, _STD_DEV)), limit))
    if limit <= 6:
        return rng.randint(1, max(limit, 1))
    bucket = rng.choices(range(6), _BUCKET_WEIGHTS)[0]
    if limit <= 6 * _BUCKET:
        edges = [round(limit * index / 6) for index in range(7)]
    else:
        wide = limit - 5 * _BUCKET
        edges = [0, 20, 40, 60, 60 + wide, 80 + wide, limit]
    return rng.randint(edges[bucket] + 1, edges[bucket + 1])


def random_answer(
    rng: random.Random, *, limit: int, limited_by_user: bool, minimum: int = 0, exact: bool = False
) -> Output:
    """Make an answer of sentences; ``exact`` is vLLM's ``ignore_eos``."""
    length = limit if exact else answer_length(rng, limit=limit, limited_by_user=limited_by_user)
    length = max(1, min(max(length, minimum), limit))
    pieces: list[str] = []
    while len(pieces) < length:
        pieces += rng.choice(_SENTENCES)
    del pieces[length:]
    return Output(pieces, "length" if length >= limit else "stop")


def echoed(prompt: str, *, limit: int) -> Output:
    """Say the prompt back, cut at ``limit`` tokens."""
    pieces = tokens.split(prompt) or [" "]
    if len(pieces) > limit:
        return Output(pieces[:limit], "length")
    return Output(pieces, "stop")


def stopped(output: Output, stops: Sequence[str]) -> Output:
    """Cut an answer before the first stop sequence in it."""
    text = output.text
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    if not ends:
        return output
    return Output(tokens.split(text[: min(ends)]), "stop")
