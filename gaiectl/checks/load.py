"""Many requests at once, with a fixed number under way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def at_once(
    prompts: Iterable[str], ask: Callable[[str], Awaitable[object]], *, workers: int
) -> None:
    """Call ``ask`` for every prompt, ``workers`` at the same time; the first error ends all."""
    waiting = iter(list(prompts))

    async def work() -> None:
        for prompt in waiting:
            await ask(prompt)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
