"""Three kinds of traffic, as token ids, with arrivals in virtual seconds.

Lengths and rates are drawn from a seeded generator: the same seed gives the same traffic.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from random import Random


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request.

    Attributes:
        at: virtual seconds.
        session: requests of one client; what a gateway may hash on.
        tokens: the prompt.
        answer: tokens generated.
    """

    at: float
    session: int
    tokens: list[int]
    answer: int


def shared_system_prompt(random: Random, rate: float, seconds: float) -> Iterator[Arrival]:
    """Yield short questions behind one of 60 system prompts of 2000 tokens, some more popular."""
    prompts = [_text(random, 2000) for _ in range(60)]
    popularity = [1 / (rank + 1) for rank in range(60)]
    for session, at in enumerate(_times(random, rate, seconds)):
        (system,) = random.choices(prompts, popularity)
        question = _text(random, random.randint(30, 200))
        yield Arrival(at, session, system + question, random.randint(50, 200))


def multi_turn_chat(random: Random, rate: float, seconds: float) -> Iterator[Arrival]:
    """Yield conversations of 2 to 12 turns that grow: each turn brings all that was said before."""
    turns = 7.0
    starts = _times(random, rate / turns, seconds)
    return merge(
        *(_conversation(Random(random.random()), n, at, seconds) for n, at in enumerate(starts)),
        key=lambda arrival: arrival.at,
    )


def _conversation(random: Random, session: int, at: float, end: float) -> Iterator[Arrival]:
    said = _text(random, random.randint(100, 600))
    for _ in range(random.randint(2, 12)):
        said = said + _text(random, random.randint(40, 300))
        answer = random.randint(80, 400)
        if at > end:
            return
        yield Arrival(at, session, said, answer)
        said = said + _text(random, answer)
        # Reading the answer as it comes, and thinking about it.
        at += answer * 0.015 + random.expovariate(1 / 15)


def rag_with_long_documents(random: Random, rate: float, seconds: float) -> Iterator[Arrival]:
    """Yield questions about one of 150 documents of 6000 to 12000 tokens, some more popular."""
    documents = [_text(random, random.randint(6000, 12000)) for _ in range(150)]
    popularity = [1 / (rank + 1) ** 0.8 for rank in range(150)]
    for session, at in enumerate(_times(random, rate, seconds)):
        (document,) = random.choices(documents, popularity)
        question = _text(random, random.randint(20, 100))
        yield Arrival(at, session, document + question, random.randint(50, 150))


Workload = Callable[[Random, float, float], Iterator[Arrival]]

WORKLOADS: dict[str, tuple[Workload, float]] = {
    "shared system prompt": (shared_system_prompt, 1.0),
    "multi-turn chat": (multi_turn_chat, 1.5),
    "RAG, long documents": (rag_with_long_documents, 0.25),
}
"""Each with its rate, relative to the others, at which a pool is about equally busy."""


def _times(random: Random, rate: float, seconds: float) -> list[float]:
    at, times = random.expovariate(rate), []
    while at < seconds:
        times.append(at)
        at += random.expovariate(rate)
    return times


def _text(random: Random, length: int) -> list[int]:
    return [random.getrandbits(15) for _ in range(length)]
