"""Requests for a LoRA adapter go where it runs already."""

import asyncio
from collections import Counter

from gaiectl.checks import prompts
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session

_REQUESTS = 16
_STRAYS = 1
"""A gateway that picks one of two endpoints by chance passes with probability 0.0003 (binomial)."""

_SEEN_SECONDS = 0.5
"""Ten scrapes of a busy endpoint: after that the endpoint picker knows which adapters run."""

_HOLD_TOKENS = (500, 900, 4000, 16000)
"""Lengths of the answer that keeps the adapter running; the first that lasts is used."""


async def _run(session: Session) -> str:
    session.several_endpoints()
    adapter = await _adapter(session)
    session.needs_plugin(
        "lora-affinity-scorer", without=("random-picker", "weighted-random-picker")
    )
    for tokens in _HOLD_TOKENS:
        if outcome := await _while_running(session, adapter, tokens):
            home, served = outcome
            break
    else:
        raise Skipped("answers end too soon for anybody to see where an adapter runs")
    if not home or "" in served:
        raise Skipped("the answers do not say which endpoint they come from (x-inference-pod)")
    strays = _REQUESTS - served[home]
    shares = ", ".join(f"{name} {count}" for name, count in sorted(served.items()))
    if strays > _STRAYS:
        raise Failed(f"{adapter} runs on {home}, but of {_REQUESTS} requests for it went: {shares}")
    return f"{adapter} runs on {home}; of {_REQUESTS} requests for it went: {shares}"


async def _adapter(session: Session) -> str:
    """Return the name of an adapter: a model with a parent, as vLLM lists them."""
    listed = (await session.gateway.get("/v1/models")).require().json().get("data")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("parent"):
            return str(entry["id"])
    raise Skipped("the model servers have no LoRA adapters")


async def _while_running(
    session: Session, adapter: str, tokens: int
) -> tuple[str, Counter[str]] | None:
    """Keep the adapter running with one long answer and see where others go meanwhile.

    Returns:
        The endpoint of the long answer and the counts of the others; None when it ended too soon.
    """
    gateway = session.gateway
    long = asyncio.create_task(
        gateway.complete(prompts.fresh(), max_tokens=tokens, model=adapter, ignore_eos=True)
    )
    served: Counter[str] = Counter()
    try:
        await asyncio.wait([long], timeout=_SEEN_SECONDS)
        for _ in range(_REQUESTS):
            if long.done():
                _refused(long.result())
                return None
            answer = await gateway.complete(prompts.fresh(), max_tokens=1, model=adapter)
            served[answer.require().endpoint] += 1
        return (await long).require().endpoint, served
    finally:
        long.cancel()


def _refused(answer: Answer) -> None:
    """Let pass that a model cannot write that much; all else is a failure."""
    if answer.status != 400:
        answer.require()


CHECK = Check(
    id="lora-affinity",
    category=Category.ROUTING,
    title="requests for an adapter go where it runs already",
    proves="adapters are not loaded and unloaded without need",
    hint="the configuration needs a lora-affinity-scorer of some weight: gaiectl epp plugins; the "
    "model servers must serve vllm:lora_requests_info",
    run=_run,
    needs=("models", "completion"),
)
