"""Making the checks of a cluster: several at a time, for they mostly wait for answers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from gaiectl.checks.cluster.check import Check, Doubtful, Failed, Severity, Skipped
from gaiectl.checks.cluster.report import Outcome, Result
from gaiectl.checks.cluster.scene import Scene
from gaiectl.cluster.failures import ApiError
from gaiectl.cluster.rights import NotAllowed
from gaiectl.errors import GaieError

_AT_ONCE = 6
"""With those that a check asks at once by itself, fewer than a client keeps connections."""
_FORBIDDEN = 403


def run(
    checks: Sequence[Check],
    scene: Scene,
    *,
    begins: Callable[[Check], object] = lambda _: None,
) -> Iterator[Result]:
    """Make the checks; yield their results in their order.

    One that needs another is made after it, and skipped unless that one passed or warned. Whatever
    happens in a check, the others are made.

    Args:
        checks: what to make; what one needs comes before it.
        scene: what to look at.
        begins: called with each check before its result is waited for.
    """
    made: dict[str, Future[Result]] = {}
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for check in checks:
            # Those that it needs were submitted before it, so that they are made or being made.
            made[check.id] = pool.submit(_after, check, scene, made.copy())
        for check in checks:
            begins(check)
            yield made[check.id].result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _after(check: Check, scene: Scene, made: Mapping[str, Future[Result]]) -> Result:
    for need in check.needs:
        needed = made[need].result() if need in made else None
        if needed is None or needed.outcome in (Outcome.PASSED, Outcome.WARNING):
            continue
        is_failed = needed.outcome is Outcome.FAILED
        reason = f"it says nothing while {need} does not hold" if is_failed else needed.seen
        return Result(check=check, outcome=Outcome.SKIPPED, seen=reason)
    return make(check, scene)


def make(check: Check, scene: Scene) -> Result:
    """Make one check."""
    began = time.monotonic()
    outcome, hint = Outcome.PASSED, ""
    fix: tuple[str, ...] = ()
    try:
        seen = check.run(scene)
    except Skipped as skipped:
        outcome, seen, hint, fix = Outcome.SKIPPED, str(skipped), skipped.hint, skipped.fix
    except NotAllowed as error:
        outcome, seen, hint = Outcome.SKIPPED, error.message, error.hint
    except ApiError as error:
        seen, hint = error.message, error.hint
        is_error = check.severity is Severity.ERROR
        outcome = Outcome.FAILED if is_error else Outcome.WARNING
        if error.status == _FORBIDDEN:
            outcome = Outcome.SKIPPED
    except (Failed, Doubtful) as finding:
        is_error = isinstance(finding, Failed) and check.severity is Severity.ERROR
        outcome = Outcome.FAILED if is_error else Outcome.WARNING
        seen = str(finding)
        hint = finding.hint or _filled(check.hint, scene)
        fix = finding.fix or tuple(_filled(line, scene) for line in check.fix)
    except GaieError as error:
        outcome = Outcome.FAILED if check.severity is Severity.ERROR else Outcome.WARNING
        seen, hint = f"{error.message}\n{error.detail}".strip(), error.hint
    except Exception as error:  # noqa: BLE001 - objects of a cluster may have any shape
        outcome = Outcome.SKIPPED
        seen = f"the cluster told something unexpected: {type(error).__name__}: {error}"[:300]
        hint = "please report it, with the objects that the check looks at"
    seconds = time.monotonic() - began
    return Result(check=check, outcome=outcome, seen=seen, hint=hint, fix=fix, seconds=seconds)


def _filled(text: str, scene: Scene) -> str:
    return text.replace("{namespace}", scene.namespace).replace("{name}", scene.name)
