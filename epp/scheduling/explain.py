"""What would become of a request, without sending it: producers, admission, then the record."""

import asyncio
from collections.abc import Sequence

from epp.api.endpoint import Candidate
from epp.api.errors import Code, Refusal, all_screened, no_candidates
from epp.api.plugin import Admitter, Producer, Screener
from epp.api.request import Request
from epp.scheduling.produced import produced_for
from epp.scheduling.record import DecisionRecord, full_name, record
from epp.scheduling.scheduler import Scheduler

_SECONDS_PER_PRODUCER = 0.4


async def explain(
    scheduler: Scheduler,
    request: Request,
    candidates: Sequence[Candidate],
    now: float,
    *,
    producers: Sequence[Producer] = (),
    admitters: Sequence[Admitter] = (),
) -> DecisionRecord:
    """Return the decision record of a request that is not dispatched.

    Args:
        scheduler: decides.
        request: with its priority and target model set; made for this call, since producers and
            scorers leave their findings in it.
        candidates: the endpoints it may go to.
        now: monotonic seconds, of the same clock as ``Metrics.updated_at``.
        producers: run before, in this order; one that fails or takes too long has found nothing.
        admitters: asked after them; the first objection is the answer.
    """
    if not candidates:
        return _refused(request, candidates, now, no_candidates())
    for instance in scheduler.instances:
        if isinstance(instance.plugin, Screener):
            candidates = instance.plugin.screen(request, candidates)
    if not candidates:
        return _refused(request, candidates, now, all_screened())
    for producer in producers:
        await _produce(producer, request, candidates)
    for admitter in admitters:
        if objection := admitter.objection_to(request, candidates):
            refusal = Refusal(Code.INTERNAL, f"request cannot be admitted: {objection}")
            return _refused(request, candidates, now, refusal)
    return record(scheduler, request, candidates, now)


async def _produce(producer: Producer, request: Request, candidates: Sequence[Candidate]) -> None:
    try:
        found = producer.produce(request, candidates)
        if found is not None:
            async with asyncio.timeout(_SECONDS_PER_PRODUCER):
                await found
    except Exception:  # noqa: BLE001, S110 - plugins may call anything, and nothing found is an answer
        pass


def _refused(
    request: Request, candidates: Sequence[Candidate], now: float, refusal: Refusal
) -> DecisionRecord:
    names = {candidate.endpoint.slot: full_name(candidate.endpoint) for candidate in candidates}
    produced = tuple(produced_for(request, names))
    return DecisionRecord(request, tuple(candidates), now, produced, (), None, refusal)
