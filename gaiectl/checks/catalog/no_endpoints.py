"""With no model server left the gateway says 503, and serves again as soon as they are back."""

import asyncio
import time

from gaiectl.checks import answers, prompts
from gaiectl.checks.check import Category, Check, Failed
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session

_BACK_SECONDS = 30.0
_LATE_SECONDS = 10.0
_LONGEST_SECONDS = 1000.0
"""In a cluster large models are loaded again."""
_PAUSE_SECONDS = 0.1


async def _run(session: Session) -> str:
    async with session.emptied():
        refused = await _refused(session)
        message = answers.error_message(refused.require(503))
    began = time.monotonic()
    await _back(session)
    return (
        f"503 in {refused.milliseconds}: {message!r}; "
        f"{(time.monotonic() - began) * 1000:.0f} ms after their start completions come back"
    )


async def _refused(session: Session) -> Answer:
    """Ask; again for a moment where those that come back have to be killed too."""
    deadline = time.monotonic() + (_LATE_SECONDS if session.target.heals_itself else 0)
    while True:
        answer = await session.gateway.complete(prompts.fresh())
        if answer.status == 503 or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(_PAUSE_SECONDS)


async def _back(session: Session) -> None:
    deadline = time.monotonic() + _BACK_SECONDS
    while not (answer := await session.gateway.complete(prompts.fresh())).is_success:
        if answer.status != 503 or time.monotonic() > deadline:
            raise Failed(
                f"the model servers run again, but the gateway does not serve; {answer.described()}"
            )
        await asyncio.sleep(_PAUSE_SECONDS)


CHECK = Check(
    id="no-endpoints",
    category=Category.FAILURES,
    title="with all endpoints gone the answer is 503",
    proves="clients are told at once to try again later, and are served as soon as can be",
    hint="see what is dead: {status}; {epp log}",
    run=_run,
    needs=("completion",),
    disturbs=True,
    timeout_seconds=_LONGEST_SECONDS,
)
