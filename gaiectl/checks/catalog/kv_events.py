"""The endpoint picker hears what is in the KV caches, and finds prompts there."""

import re
import time
from itertools import count

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.session import Session

_STORED = "kvcache_index_admissions_total"
_FOUND = "kvcache_index_lookup_hits_total"
"""Names as in llm-d's kv-cache library."""

_SECONDS = 5.0
_TRIES = 5
"""At least, for servers that are slow: of several endpoint pickers the metrics of one are read."""


async def _run(session: Session) -> str:
    session.needs_precise_scoring()
    before = _total(await session.metrics(), _STORED)
    if before is None:
        raise Skipped(f"the endpoint picker's metrics have no {_STORED}")
    prompt = prompts.fresh_long()
    stored = await _moved(session, _STORED, before, prompt)
    if not stored:
        raise Failed(
            "no model server told of a stored block, although prompts of some 400 tokens were asked"
        )
    found = _total(await session.metrics(), _FOUND) or 0.0
    if not await _moved(session, _FOUND, found, prompt):
        raise Failed(
            f"model servers told of stored blocks ({_STORED} moved by {stored:g}), but a prompt "
            "that was asked again is not found among these: its tokens are others, or cannot be had"
        )
    return f"{_STORED} moved by {stored:g}, and a prompt asked again was found"


async def _moved(session: Session, name: str, before: float, prompt: str) -> float:
    """Ask for a prompt until a counter moves; return by how much, 0 if it does not."""
    deadline = time.monotonic() + _SECONDS
    for tries in count(1):
        # Events that were sent before somebody listened are lost, so it is asked with a new end.
        (await session.gateway.complete(f"{prompt} {prompts.fresh()}", max_tokens=1)).require()
        await session.events_heard()
        # Other clients may be at work too.
        moved = (_total(await session.metrics(), name) or 0.0) - before
        if moved > 0 or (tries >= _TRIES and time.monotonic() > deadline):
            break
    return moved


def _total(text: str, name: str) -> float | None:
    """Return the sum of a counter's samples in a metrics text; None if it is absent."""
    samples = re.findall(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)", text, re.MULTILINE)
    return sum(map(float, samples)) if samples else None


CHECK = Check(
    id="kv-events",
    category=Category.ROUTING,
    title="the endpoint picker knows what is in the KV caches",
    proves="precise scoring is precise: model servers publish events, tokens and block sizes agree",
    hint="model servers have to publish events (vLLM: --kv-events-config, its topic beginning with "
    "kv@) and the tokenizer has to be of their model: {epp log}; kvcache_kvevents_* {metrics}",
    run=_run,
    needs=("completion",),
)
