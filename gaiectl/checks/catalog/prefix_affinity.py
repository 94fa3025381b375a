"""Requests with the same long beginning meet the cache that knows it."""

from collections import Counter

from gaiectl.checks import prompts
from gaiectl.checks.cache_index import heard, stored
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted

_PREFIXES = 4
_REPEATS = 5
_STRAYS = 2
"""How many of the 20 repeats may go elsewhere, for other clients' load moves requests too.

A gateway that picks one of two endpoints by chance passes with probability 0.0002 (binomial:
at most 2 misses of 20 at 1/2); with three endpoints it is 0.0000002.
"""


async def _run(session: Session) -> str:
    session.several_endpoints()
    session.needs_plugin(
        *("prefix-cache-scorer", "precise-prefix-cache-scorer"),
        without=("random-picker", "weighted-random-picker"),
    )
    prefixes = [prompts.fresh_long() for _ in range(_PREFIXES)]
    homes: list[str] = []
    await session.events_heard()  # of what was asked before
    # All of them before any is repeated: repeats are told of too, and late, which would be taken
    # for news of the next one.
    for prefix in prefixes:
        before = await stored(session)
        homes.append(await _ask(session, prefix))
        await heard(session, before)
    elsewhere: Counter[str] = Counter()
    for number, (prefix, home) in enumerate(zip(prefixes, homes, strict=True), 1):
        for _ in range(_REPEATS):
            # A new end each time: it is the beginning that counts, not the whole prompt. One prompt
            # after the other, so that taking turns cannot look like remembering.
            endpoint = await _ask(session, f"{prefix} {prompts.fresh()}")
            if endpoint != home:
                elsewhere[f"prompt {number} from {home} to {endpoint}"] += 1
    strays, repeats = elsewhere.total(), _PREFIXES * _REPEATS
    if strays > _STRAYS:
        moves = [f"{move} {counted(many, 'time')}" for move, many in elsewhere.most_common(4)]
        told = f"{strays} of {repeats} repeats left the endpoint that knows them"
        raise Failed(f"{told}: {', '.join(moves)}")
    return f"{repeats - strays} of {repeats} repeats at home ({', '.join(homes)})"


async def _ask(session: Session, prompt: str) -> str:
    answer = await session.gateway.complete(prompt, max_tokens=1)
    if not answer.require().endpoint:
        raise Skipped("the answers do not say which endpoint they come from (x-inference-pod)")
    return answer.endpoint


CHECK = Check(
    id="prefix-affinity",
    category=Category.ROUTING,
    title="prompts with the same long beginning go to the same endpoint",
    proves="what a model server has computed and cached is used again",
    hint="the configuration needs a prefix-cache-scorer of some weight: gaiectl epp plugins; "
    "one that is precise finds nothing where kv-events fails; "
    "inference_extension_prefix_indexer_hit_ratio says what it finds",
    run=_run,
    needs=("completion",),
)
