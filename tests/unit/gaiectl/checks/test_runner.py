"""A run goes through all checks, whatever becomes of one of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from gaiectl.checks.check import Category, Check, Failed, Skipped
from gaiectl.checks.report import Outcome, Result
from gaiectl.checks.runner import run
from gaiectl.checks.session import Session
from gaiectl.checks.target import Endpoint
from gaiectl.errors import GaieError

Run = Callable[[Session], Awaitable[str]]


def check(id_: str, run_: Run, **more: Any) -> Check:
    values: dict[str, Any] = {
        "category": Category.ANSWERS,
        "title": f"{id_} holds",
        "proves": "something",
        "hint": "look: {status}",
        **more,
    }
    return Check(id=id_, run=run_, **values)


async def results(checks: Sequence[Check], target: Any) -> list[Result]:
    return [result async for result in run(checks, target, places={"status": "status of x"})]


async def passes(_session: Session) -> str:
    return "seen"


async def fails(_session: Session) -> str:
    raise Failed("not so")


async def test_evidence_error_and_reason_reach_the_results(target: Any) -> None:
    async def skips(_session: Session) -> str:
        raise Skipped("not here")

    passed, failed, skipped = await results(
        [check("a", passes), check("b", fails), check("c", skips)], target
    )

    assert (passed.outcome, passed.evidence, passed.hint) == (Outcome.PASSED, "seen", "")
    assert (failed.outcome, failed.error, failed.hint) == (
        Outcome.FAILED,
        "not so",
        "look: status of x",
    )
    assert (skipped.outcome, skipped.reason, skipped.hint) == (Outcome.SKIPPED, "not here", "")


async def test_each_check_is_announced_before_it_is_made(target: Any) -> None:
    order: list[str] = []

    async def notes(_session: Session) -> str:
        order.append("made")
        return ""

    checks = [check("a", notes), check("b", fails), check("c", notes, needs=("b",))]
    made = run(checks, target, begins=lambda one: order.append(one.id))
    async for result in made:
        order.append(result.outcome)  # noqa: PERF401 - in the order of events

    assert order == ["a", "made", "passed", "b", "failed", "skipped"]


async def test_a_check_says_nothing_while_one_it_needs_fails(target: Any) -> None:
    checks = [
        check("a", fails),
        check("b", passes, needs=("a",)),
        check("c", passes, needs=("b",)),
        check("d", passes),
    ]
    made = await results(checks, target)

    assert [str(result.outcome) for result in made] == ["failed", "skipped", "skipped", "passed"]
    assert made[1].reason == "it says nothing while a does not hold"
    assert made[2].reason == "it says nothing while b does not hold"


async def test_a_check_is_made_when_one_it_needs_was_not_asked_for(target: Any) -> None:
    [made] = await results([check("b", passes, needs=("a",))], target)

    assert made.outcome is Outcome.PASSED


async def test_a_check_that_hangs_fails_after_its_time(target: Any) -> None:
    async def hangs(_session: Session) -> str:
        await asyncio.Event().wait()
        return ""

    [made] = await results([check("a", hangs, timeout_seconds=0.01)], target)

    assert made.outcome is Outcome.FAILED
    assert "no result within" in made.error


async def test_checks_that_break_something_are_made_only_where_that_is_allowed(target: Any) -> None:
    checks = [check("a", passes, disturbs=True), check("b", passes)]
    made = [result async for result in run(checks, target, may_disturb=False)]

    assert [str(result.outcome) for result in made] == ["skipped", "passed"]
    assert "--disruptive allows it" in made[0].reason


async def test_when_the_time_for_all_is_over_the_rest_is_skipped(target: Any) -> None:
    async def hangs(_session: Session) -> str:
        await asyncio.Event().wait()
        return ""

    checks = [check("a", hangs), check("b", passes)]
    made = [result async for result in run(checks, target, seconds=0.05)]

    assert [str(result.outcome) for result in made] == ["skipped", "skipped"]
    assert "it was cut off: the 0.05 s" in made[0].reason
    assert "the 0.05 s for all checks are over" in made[1].reason


async def test_a_failure_inside_a_group_of_tasks_is_told_by_itself(target: Any) -> None:
    async def fails_in_a_group(session: Session) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(session))
        return ""

    [made] = await results([check("a", fails_in_a_group)], target)

    assert (made.outcome, made.error) == (Outcome.FAILED, "not so")


async def test_what_was_broken_is_mended_when_the_check_fails(target: Any) -> None:
    async def breaks(session: Session) -> str:
        async with session.mending() as kill:
            await kill("sim-0")
            await kill("sim-1")
            raise Failed("not so")

    [made] = await results([check("a", breaks)], target)

    assert made.error == "not so"
    assert target.events[:2] == ["kill sim-0", "kill sim-1"]
    assert sorted(target.events[2:]) == ["start sim-0", "start sim-1"]


async def test_what_was_broken_is_mended_when_the_run_is_interrupted(target: Any) -> None:
    is_broken = asyncio.Event()

    async def breaks(session: Session) -> str:
        async with session.mending() as kill:
            await kill("sim-0")
            is_broken.set()
            await asyncio.Event().wait()
        return ""

    task = asyncio.create_task(results([check("a", breaks)], target))
    await is_broken.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert target.events == ["kill sim-0", "start sim-0"]


async def test_a_part_that_cannot_be_mended_is_a_failure_with_its_own_hint(target: Any) -> None:
    def refuses(endpoint: str) -> None:
        target.events.append(f"start {endpoint}")
        raise GaieError(f"{endpoint} does not start", hint="free its port", detail="in use")

    async def breaks(session: Session) -> str:
        async with session.mending() as kill:
            await kill("sim-0")
            await kill("sim-1")
        return ""

    target.start = refuses
    made = await results([check("a", breaks), check("b", passes)], target)

    assert made[0].error.endswith("does not start\nin use")
    assert made[0].hint == "free its port"
    assert made[1].outcome is Outcome.PASSED
    assert len(target.events) == 4


async def test_checks_of_choice_are_skipped_where_there_is_none(target: Any) -> None:
    async def needs_two(session: Session) -> str:
        return str(session.several_endpoints())

    async def kills(session: Session) -> str:
        return str(len(session.killable()))

    async def scores(session: Session) -> str:
        session.needs_plugin("prefix-cache-scorer", without=("random-picker",))
        return "scored"

    checks = [check("a", needs_two), check("b", kills), check("c", scores)]
    target.endpoints = [Endpoint("server-0", "", "10.0.0.1:80", is_killable=False)]
    target.plugins = frozenset({"queue-scorer"})
    reasons = [result.reason for result in await results(checks, target)]
    target.plugins = frozenset({"prefix-cache-scorer", "random-picker"})
    reasons.append((await results(checks[2:], target))[0].reason)

    assert reasons == [
        "it takes two endpoints, the pool has 1",
        "the model servers are not ours to kill",
        "the endpoint picker's configuration has no prefix-cache-scorer",
        "the endpoint picker draws by chance: random-picker",
    ]


async def test_a_gateway_that_is_not_there_fails_a_check_and_breaks_nothing(target: Any) -> None:
    async def asks(session: Session) -> str:
        (await session.gateway.get("/v1/models")).require()
        return ""

    [made] = await results([check("a", asks)], target)

    assert made.outcome is Outcome.FAILED
    assert "GET /v1/models: no answer (ConnectError" in made.error
