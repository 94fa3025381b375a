"""Making checks, one after the other: they measure who serves what, so none may disturb another."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from math import inf

from gaiectl.checks.check import Check, Failed, Skipped
from gaiectl.checks.gateway import Gateway
from gaiectl.checks.report import Outcome, Result
from gaiectl.checks.session import Session
from gaiectl.checks.target import Target
from gaiectl.errors import GaieError


async def run(
    checks: Sequence[Check],
    target: Target,
    *,
    begins: Callable[[Check], object] = lambda _: None,
    places: Mapping[str, str] = {},
    may_disturb: bool = True,
    seconds: float = inf,
) -> AsyncGenerator[Result, None]:
    """Make the checks in their order and yield each result as it comes.

    A check is skipped when one that it needs failed, or was skipped for that reason. What a check
    broke is mended before its result is yielded, also when the run is cancelled. For those that
    the time does not suffice for, nothing is proved either way: they are skipped.

    Args:
        checks: what to make.
        target: what to make them against.
        begins: called with each check before it is made.
        places: what shows more, for the hints: ``status`` stands for ``{status}`` in them.
        may_disturb: make also those that break something.
        seconds: for all of them together.
    """
    unproven: set[str] = set()
    async with Gateway(target) as gateway:
        end = time.monotonic() + seconds
        session = Session(target, gateway)
        for check in checks:
            left = end - time.monotonic()
            if unmet := [need for need in check.needs if need in unproven]:
                unproven.add(check.id)
                yield _skipped(check, f"it says nothing while {unmet[0]} does not hold")
                continue
            if check.disturbs and not may_disturb:
                yield _skipped(check, "it breaks something for a moment: --disruptive allows it")
                continue
            if left <= 0:
                yield _skipped(check, f"the {seconds:g} s for all checks are over")
                continue
            begins(check)
            result = await _make(check, session, places, left)
            is_cut = left < check.timeout_seconds and time.monotonic() >= end
            if is_cut and result.outcome is Outcome.FAILED:
                result = _skipped(check, f"it was cut off: the {seconds:g} s for all are over")
            if result.outcome is Outcome.FAILED:
                unproven.add(check.id)
            yield result


def _skipped(check: Check, reason: str) -> Result:
    return Result(check=check, outcome=Outcome.SKIPPED, reason=reason)


async def _make(check: Check, session: Session, places: Mapping[str, str], left: float) -> Result:
    hint = check.hint
    for name, place in places.items():
        hint = hint.replace(f"{{{name}}}", place)
    seconds = min(check.timeout_seconds, left)
    began = time.monotonic()
    outcome, evidence, error, reason = Outcome.FAILED, "", "", ""
    try:
        async with asyncio.timeout(seconds):
            evidence = await check.run(session)
        outcome = Outcome.PASSED
    except* Failed as failed:
        error = _first(failed)
    except* Skipped as skipped:
        outcome, reason = Outcome.SKIPPED, _first(skipped)
    except* TimeoutError:
        error = f"no result within {seconds:.0f} s"
    except* GaieError as raised:
        cause = _leaf(raised)
        error = str(cause)
        if isinstance(cause, GaieError):
            hint = cause.hint
            error = f"{cause.message}\n{cause.detail}".strip()
    return Result(
        check=check,
        outcome=outcome,
        evidence=evidence,
        error=error,
        reason=reason,
        hint=hint if outcome is Outcome.FAILED else "",
        seconds=time.monotonic() - began,
    )


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    return str(_leaf(group))


def _leaf(error: BaseException) -> BaseException:
    """Return the first of what went wrong: task groups wrap, also a single error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
