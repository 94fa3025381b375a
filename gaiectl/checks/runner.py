"""Making checks, one after the other: they measure who serves what, so none may disturb another."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence

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
    stack_option: str = "",
) -> AsyncGenerator[Result, None]:
    """Make the checks in their order and yield each result as it comes.

    A check is skipped when one that it needs failed, or was skipped for that reason. What a check
    broke is mended before its result is yielded, also when the run is cancelled.

    Args:
        checks: what to make.
        target: what to make them against.
        begins: called with each check before it is made.
        stack_option: put into the hints, for commands to paste: " --name demo" or nothing.
    """
    unproven: set[str] = set()
    async with Gateway(target) as gateway:
        session = Session(target, gateway)
        for check in checks:
            if unmet := [need for need in check.needs if need in unproven]:
                unproven.add(check.id)
                yield Result(
                    check=check,
                    outcome=Outcome.SKIPPED,
                    reason=f"it says nothing while {unmet[0]} does not hold",
                )
                continue
            begins(check)
            result = await _make(check, session, stack_option)
            if result.outcome is Outcome.FAILED:
                unproven.add(check.id)
            yield result


async def _make(check: Check, session: Session, stack_option: str) -> Result:
    hint = check.hint.replace("{stack}", stack_option)
    began = time.monotonic()
    outcome, evidence, error, reason = Outcome.FAILED, "", "", ""
    try:
        async with asyncio.timeout(check.timeout_seconds):
            evidence = await check.run(session)
        outcome = Outcome.PASSED
    except* Failed as failed:
        error = _first(failed)
    except* Skipped as skipped:
        outcome, reason = Outcome.SKIPPED, _first(skipped)
    except* TimeoutError:
        error = f"no result within {check.timeout_seconds:.0f} s"
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
