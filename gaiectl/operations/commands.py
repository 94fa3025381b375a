"""A plan as a shell script that needs helm and kubectl, and gaiectl for the bundled chart only."""

import shlex
from collections.abc import Iterator

from gaiectl.charts import is_bundled
from gaiectl.documents import dump, in_namespace
from gaiectl.helm.binary import given_values
from gaiectl.plan import Objects, Plan, Release, Step

_FOLDER = "gaiectl-charts"


def commands(plan: Plan) -> str:
    """Return the script; it stops at the first command that fails."""
    lines = ["#!/bin/sh", "set -eu", *requirements(plan)]
    for step in plan.steps:
        lines += _step(step, plan.namespace)
    return "\n".join(lines) + "\n"


def requirements(plan: Plan) -> Iterator[str]:
    """Yield what a plan needs first, as comments of a script."""
    for requirement in plan.requirements:
        yield f"# Before: {requirement.what}."
        for command in requirement.commands:
            yield from (f"#   {line}" for line in command.splitlines())


def _step(step: Step, namespace: str) -> Iterator[str]:
    if isinstance(step.what, Objects):
        yield "kubectl apply --server-side -f - <<'EOF'"
        yield f"{dump(in_namespace(step.what.documents, namespace))}EOF"
    else:
        yield from _release(step.what)


def _release(release: Release) -> Iterator[str]:
    chart = release.chart
    if is_bundled(chart):
        yield shlex.join(["gaiectl", "charts", "export", _FOLDER, chart])
        chart = f"{_FOLDER}/{chart}"
    command = ["helm", "upgrade", "--install", release.name, chart, "-n", release.namespace]
    command += ["-f", "-", *given_values(release)]
    yield f"{shlex.join(command)} <<'EOF'"
    yield f"{dump([dict(release.values)])}EOF"
