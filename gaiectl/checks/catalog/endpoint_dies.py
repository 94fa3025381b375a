"""An endpoint is killed under load: nobody notices but those whose answer had begun there.

What had begun cannot be repeated by any gateway, for the client has seen a part of it. Everything
else can: so no request may fail whose answer had not begun, and no stream of another endpoint may
be cut.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gaiectl.checks import prompts, sse
from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.gateway import Answer
from gaiectl.checks.session import Session
from gaiectl.checks.target import Endpoint
from gaiectl.checks.wording import counted

_WORKERS = 24
_WORKERS_THERE = 8
"""In a cluster, where the way there is a port-forward, and others are served too."""
_TOKENS = 32
_BEFORE, _AFTER = 2, 4
"""Requests of each worker before and after the kill."""
_TOLD = 3
_LONGEST_SECONDS = 1000.0
"""In a cluster a large model is loaded again."""


class _Fate(StrEnum):
    SERVED = "served"
    FAILED = "failed"
    CUT = "cut"


@dataclass(slots=True)
class _Tally:
    """What has become of the requests so far; ``moved`` is set at each one."""

    fates: Counter[_Fate] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)
    cut_at: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, answer: Answer, fate: _Fate) -> None:
        self.fates[fate] += 1
        if fate is _Fate.SERVED:
            self.served_by[answer.endpoint] += 1
        elif fate is _Fate.CUT:
            self.cut_at[answer.endpoint] += 1
        else:
            self.failures.append(answer.described())
        self.moved.set()

    async def reach(self, total: int) -> None:
        while self.fates.total() < total:
            self.moved.clear()
            await self.moved.wait()


def fate_of(answer: Answer, *, is_stream: bool) -> _Fate:
    """Judge one exchange: cut is only what had begun well."""
    if answer.status != 200:
        return _Fate.FAILED
    if answer.broken:
        return _Fate.CUT
    if is_stream:
        try:
            sse.events(answer.body)
        except sse.Malformed:
            return _Fate.CUT
    return _Fate.SERVED


async def _run(session: Session) -> str:
    session.several_endpoints()
    killable = session.killable()
    if len({one.group or one.name for one in killable if one.is_chosen}) < 2:
        raise Skipped("all endpoints are of one group, which comes and goes as a whole")
    workers = _WORKERS_THERE if session.target.heals_itself else _WORKERS
    tally, is_over = _Tally(), asyncio.Event()

    async def work(*, is_stream: bool) -> None:
        while not is_over.is_set():
            answer = await session.gateway.complete(
                prompts.fresh(), max_tokens=_TOKENS, stream=is_stream, ignore_eos=True
            )
            tally.add(answer, fate_of(answer, is_stream=is_stream))

    async with session.mending() as kill, asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(is_stream=number % 2 == 0))
        await tally.reach(_BEFORE * workers)
        before = Counter(tally.fates)
        victim = max(killable, key=lambda endpoint: tally.served_by[endpoint.name]).name
        dying = dying_with(victim, killable)
        await kill(victim)
        await tally.reach(tally.fates.total() + _AFTER * workers)
        is_over.set()
    _judge(tally, before, victim, dying, may_fail=0 if session.target.repeats else workers)
    fates = tally.fates
    cut = counted(fates[_Fate.CUT], "stream") + f" cut that {victim} had begun"
    return (
        f"{victim} killed with {workers} requests under way: {fates[_Fate.SERVED]} of "
        f"{fates.total()} served, {fates[_Fate.FAILED]} failed, {cut}"
    )


def dying_with(victim: str, endpoints: Sequence[Endpoint]) -> set[str]:
    """Return the names of an endpoint and of those that go when it does."""
    (group,) = {one.group for one in endpoints if one.name == victim}
    return {one.name for one in endpoints if group and one.group == group} | {victim}


def _judge(
    tally: _Tally, before: Counter[_Fate], victim: str, dying: set[str], *, may_fail: int
) -> None:
    """Raise Failed unless only answers that the victim had begun were lost.

    A gateway that repeats nothing loses what was under way there too, and no more.
    """
    fates = tally.fates
    if lost := before.total() - before[_Fate.SERVED]:
        raise Failed(f"{lost} requests failed before anything was killed: {_told(tally)}")
    if fates[_Fate.FAILED] > may_fail:
        raise Failed(
            f"{fates[_Fate.FAILED]} of {fates.total()} requests failed whose answer had not begun "
            f"when {victim} was killed: {_told(tally)}"
        )
    if elsewhere := {name: n for name, n in tally.cut_at.items() if name and name not in dying}:
        raise Failed(f"streams of endpoints that live were cut: {elsewhere} ({victim} was killed)")


def _told(tally: _Tally) -> str:
    told = "; ".join(tally.failures[:_TOLD])
    return told if len(tally.failures) <= _TOLD else f"{told}; and more like these"


CHECK = Check(
    id="endpoint-dies",
    category=Category.FAILURES,
    title="no request is lost when an endpoint dies under load",
    proves="requests whose answer had not begun are repeated elsewhere; only begun streams are cut",
    hint="see the gateway's reasons: {gateway log}; whether the dead endpoint is back: {status}",
    run=_run,
    needs=("completion",),
    disturbs=True,
    timeout_seconds=_LONGEST_SECONDS,
)
