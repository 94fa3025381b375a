"""The endpoint picker hears what is in the KV caches, and finds prompts there."""

import asyncio
import time
from itertools import count

from gaiectl.checks import prompts
from gaiectl.checks.cache_index import FOUND, STORED, total
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.session import Session
from gaiectl.checks.wording import counted

_SECONDS = 5.0
_TRIES = 5
"""At least, for servers that are slow: of several endpoint pickers the metrics of one are read."""
_EACH = 3
_MOST = 24
"""Prompts for each model server and for all: with them one of twenty servers is not asked."""
_LATE = 5
"""How often it is looked for an event before it counts as lost, for pickers that are busy."""


async def _run(session: Session) -> str:
    session.needs_precise_scoring()
    if total(await session.metrics(), STORED) is None:
        raise Skipped(f"the endpoint picker's metrics have no {STORED}")
    await session.events_heard()  # of what was asked before
    many = min(_EACH * max(len(session.target.endpoints), 1), _MOST)
    most = 0.0
    # Events that were sent before somebody listened are lost, so it is asked again.
    for _ in range(_TRIES):
        _, stored = await _ask(session, many)
        most = max(most, stored)
        if stored >= many:
            break
    else:
        await _judge(session, most)
    found = total(await session.metrics(), FOUND) or 0.0
    if not await _moved(session, FOUND, found, prompts.fresh_long()):
        raise Failed(
            f"model servers told of stored blocks ({STORED} moved by {most:g}), but a prompt "
            "that was asked again is not found among these: its tokens are others, or cannot be had"
        )
    told = f"{STORED} moved by {most:g} for {counted(many, 'prompt')}"
    return f"{told}, and a prompt asked again was found"


async def _ask(session: Session, many: int) -> tuple[list[str], float]:
    """Ask for new prompts at once.

    Returns:
        Who answered, and how many stored blocks were told of since; others' prompts count too.
    """
    before = total(await session.metrics(), STORED) or 0.0
    asked = [session.gateway.complete(prompts.fresh_long(), max_tokens=1) for _ in range(many)]
    answers = [answer.require() for answer in await asyncio.gather(*asked)]
    for _ in range(_LATE):
        await session.events_heard()
        stored = (total(await session.metrics(), STORED) or 0.0) - before
        if stored >= many:
            break
    return [answer.endpoint for answer in answers], stored


async def _judge(session: Session, stored: float) -> None:
    """Find out who is silent, by one prompt after the other until everybody was asked.

    Raises:
        Failed: somebody is.
    """
    if not stored:
        raise Failed(
            "no model server told of a stored block, although prompts of some 400 tokens were asked"
        )
    heard, silent = set[str](), set[str]()
    # Of three that are drawn by chance one is left out by nine prompts once in forty times.
    for _ in range(_MOST):
        (name,), told = await _ask(session, 1)
        (heard if told else silent).add(name)
        if len(heard | silent) >= len(session.target.endpoints):
            break
    if silent := silent - heard:
        names = ", ".join(sorted(silent)) if all(silent) else "some model servers"
        raise Failed(f"no event of a stored block came from {names}, though from others")


async def _moved(session: Session, name: str, before: float, prompt: str) -> float:
    """Ask for a prompt until a counter moves; return by how much, 0 if it does not."""
    deadline = time.monotonic() + _SECONDS
    for tries in count(1):
        (await session.gateway.complete(f"{prompt} {prompts.fresh()}", max_tokens=1)).require()
        await session.events_heard()
        # Other clients may be at work too.
        moved = (total(await session.metrics(), name) or 0.0) - before
        if moved > 0 or (tries >= _TRIES and time.monotonic() > deadline):
            break
    return moved


CHECK = Check(
    id="kv-events",
    category=Category.ROUTING,
    title="the endpoint picker knows what is in the KV caches",
    proves="precise scoring is precise: all servers publish events, tokens and block sizes agree",
    hint="model servers have to publish events (vLLM: --kv-events-config, its topic beginning with "
    "kv@) and the tokenizer has to be of their model: {epp log}; kvcache_kvevents_* {metrics}",
    run=_run,
    needs=("completion",),
)
