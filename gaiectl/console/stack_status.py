"""How a stack is, for people and for programs."""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gaiectl.console import terminal
from gaiectl.console.ages import since
from gaiectl.console.installing import title
from gaiectl.console.program import as_called
from gaiectl.console.tables import table
from gaiectl.operations.endpoint_loads import Load
from gaiectl.operations.status import Report


def text(report: Report, now: datetime | None = None, *, is_wide: bool = False) -> str:
    """Return the report as tables, and what is to be done.

    Args:
        report: how the stack is.
        now: what time it is; asked by default.
        is_wide: tell reasons and messages too, and leave names as they are.
    """
    return "\n".join(_lines(report, now or datetime.now(UTC), is_wide=is_wide))


def _lines(report: Report, now: datetime, *, is_wide: bool) -> Iterator[str]:
    stdout = sys.stdout
    revision = report.revision
    made = f", revision {revision.number} of {since(revision.made, now)} ago" if revision else ""
    helm = f", Helm release {report.release}" if report.release else ""
    head = f"{report.name} in namespace {report.namespace}: {report.path or 'no path'}{helm}{made}"
    yield terminal.paint(head, "bold", stdout)
    yield ""
    if report.objects or report.unseen:
        yield from _what_there_is(report, now, is_wide=is_wide)
    if report.problems:
        yield ""
    for problem in report.problems:
        yield f"{terminal.symbol('failed', stdout)} {_fitting(problem.message)}"
        yield f"  {terminal.paint('hint:', 'yellow', stdout)} {_fitting(as_called(problem.hint))}"
    if not report.problems:
        what = "all that can be seen" if report.unseen or report.unknown_drift else "all"
        yield f"{terminal.symbol('done', stdout)} {what} is as it should be"


def _what_there_is(report: Report, now: datetime, *, is_wide: bool) -> Iterator[str]:
    shrinks = () if is_wide else (0,)
    unknown = "unknown" if report.unknown_drift else "no"
    yield table(
        ("object", "state", "changed", *(["reason"] if is_wide else [])),
        [
            (
                one.who.title if is_wide else f"{one.who.kind.lower()}/{one.who.name}",
                one.state,
                "yes" if one.drift else unknown,
                *([one.reason or None] if is_wide else []),
            )
            for one in report.objects
        ],
        shrinks=shrinks,
    )
    yield ""
    if report.pods:
        yield table(
            ("pod", "part", "ready", "state", "restarts", "age", *(["message"] if is_wide else [])),
            [
                (
                    pod.name,
                    pod.component,
                    f"{pod.ready}/{pod.containers}",
                    pod.state,
                    pod.restarts,
                    since(pod.created, now),
                    *([pod.message or None] if is_wide else []),
                )
                for pod in report.pods
            ],
            shrinks=shrinks,
        )
    else:
        yield "no pods"
    yield ""
    if report.loads.endpoints:
        yield table(
            ("endpoint", "address", "running", "waiting", "kv"),
            [_row(load, report.namespace) for load in report.loads.endpoints],
            shrinks=shrinks,
        )
    else:
        yield f"endpoints: {'unknown, ' if report.loads.unknown else ''}{_no_endpoints(report)}"
    if report.leader is not None:
        yield f"leader: {report.leader.pod or 'none'}"
    for pod in report.pods:
        if pod.is_ready and pod.message:
            yield f"note: pod {pod.name}: {pod.message}"
    for text in report.unseen:
        yield f"note: {_fitting(text)}"
    if report.unknown_drift:
        yield f"note: {_fitting(f'nobody knows what was changed: {report.unknown_drift}')}"


def _no_endpoints(report: Report) -> str:
    return report.loads.unknown or "the EPP knows none: see its pool's selector"


def _fitting(text: str) -> str:
    """Return a text in lines that fit behind a short word, on a terminal; else in one."""
    if not terminal.is_terminal(sys.stdout):
        return text
    width = max(shutil.get_terminal_size().columns - len("  hint: ") - 1, 20)
    return "\n  ".join(textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False))


def _row(load: Load, namespace: str) -> tuple[str, ...]:
    name = load.name.removeprefix(f"{namespace}/")
    if not load.is_reachable:
        return (name, load.address, "no answer", "-", "-")
    usage = "-" if load.kv_usage is None else f"{load.kv_usage:.0%}"
    return (name, load.address, _number(load.running), _number(load.waiting), usage)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for programs."""
    revision, leader, loads = report.revision, report.leader, report.loads
    return {
        "name": report.name,
        "namespace": report.namespace,
        "path": report.path,
        "helmRelease": report.release,
        "isHealthy": report.is_healthy,
        "revision": revision and {"number": revision.number, "made": revision.made},
        "objects": [
            {
                "object": title(one.who),
                "group": one.who.group,
                "kind": one.who.kind,
                "name": one.who.name,
                "namespace": one.who.namespace,
                "state": str(one.state),
                "reason": one.reason,
                "drift": one.drift,
                "difference": "\n".join(one.difference),
            }
            for one in report.objects
        ],
        "unseen": list(report.unseen),
        "unknownDrift": report.unknown_drift,
        "pods": [
            {
                "name": pod.name,
                "namespace": pod.namespace,
                "component": pod.component,
                "state": pod.state,
                "isReady": pod.is_ready,
                "readyContainers": pod.ready,
                "containers": pod.containers,
                "restarts": pod.restarts,
                "created": pod.created,
                "message": pod.message,
            }
            for pod in report.pods
        ],
        "leader": leader
        and {"pod": leader.pod, "isFresh": leader.is_fresh, "renewed": leader.renewed},
        "endpoints": None
        if loads.unknown
        else [
            {
                "endpoint": one.name,
                "address": one.address,
                "isReachable": one.is_reachable,
                "runningRequests": one.running,
                "waitingRequests": one.waiting,
                "kvCacheUsage": one.kv_usage,
            }
            for one in loads.endpoints
        ],
        "unknownEndpoints": loads.unknown,
        "unmet": loads.unmet,
        "problems": [{"message": one.message, "hint": one.hint} for one in report.problems],
    }
