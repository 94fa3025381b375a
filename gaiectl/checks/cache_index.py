"""What an endpoint picker that goes by events of KV caches tells of what it has heard."""

import re
import time

from gaiectl.checks.check import Failed, Skipped
from gaiectl.checks.session import Session

STORED = "kvcache_index_admissions_total"
FOUND = "kvcache_index_lookup_hits_total"
"""Names as in llm-d's kv-cache library."""

_LONGEST_SECONDS = 2.0


def total(text: str, name: str) -> float | None:
    """Return the sum of a counter's samples in a metrics text; None if it is absent."""
    samples = re.findall(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+]+)", text, re.MULTILINE)
    return sum(map(float, samples)) if samples else None


async def stored(session: Session) -> float | None:
    """Return how many stored blocks were told of; None where the endpoint picker does not say."""
    if not session.may_score_precisely:
        return None
    try:
        return total(await session.metrics(), STORED)
    except (Skipped, Failed):  # the check of the metrics tells of it
        return None


async def heard(session: Session, before: float | None) -> None:
    """Wait until the endpoint picker was told what the last answer left in a KV cache.

    Args:
        session: the run.
        before: what ``stored`` was before that was asked for.
    """
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        await session.events_heard()
        if before is None or time.monotonic() > deadline:
            return
        if (await stored(session) or 0.0) > before:
            return
