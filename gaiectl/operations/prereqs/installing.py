"""What clusters need first, installed: all of it is looked at before anything is written."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gaiectl.cluster.api import Cluster
from gaiectl.errors import Refused, UsageError
from gaiectl.operations.prereqs import definitions, releases, tokens
from gaiectl.operations.prereqs.steps import Done, Scene, Step, is_served
from gaiectl.prereqs import get
from gaiectl.prereqs.kinds import Prereq


class Asked(NamedTuple):
    """What the user asks for.

    Attributes:
        wanted: in the order in which they are installed.
        namespace: where Secrets go.
        token: where tokens come from.
        settings: ``--set`` for the chart of the one that has charts.
    """

    wanted: Sequence[Prereq]
    namespace: str
    token: tokens.Given
    settings: tuple[str, ...] = ()


def install(scene: Scene, asked: Asked) -> Iterator[Done]:
    """Install what is asked for, one after the other; yields what became of each.

    Raises:
        UsageError: the request makes no sense.
        Refused: something is missing that was not named, or somebody else's is in the way.
        GaieError: a file cannot be had, the server refuses, or it is not ready in time.
    """
    refuse_nonsense(asked)
    _require_needs(scene.cluster, asked.wanted)
    steps = [_step(scene, one, asked) for one in asked.wanted]
    for step in steps:
        yield step.carry_out()


def refuse_nonsense(asked: Asked) -> None:
    """Raise when a request makes no sense, whatever the cluster is like.

    Raises:
        UsageError: says why.
    """
    _refuse_settings(asked)
    _refuse_same(asked.wanted)
    variable = asked.token.variable
    if not (variable.isascii() and variable.isidentifier()):
        raise UsageError(
            f"--from-env: {variable!r} is no name of a variable", hint="for example HF_TOKEN"
        )


def is_there(cluster: Cluster, prereq: Prereq) -> bool:
    """Tell whether the cluster has it, whoever brought it."""
    if prereq.controller is not None:
        return bool(releases.controllers_of(cluster, prereq))
    return is_served(cluster, prereq)


def _step(scene: Scene, prereq: Prereq, asked: Asked) -> Step:
    scene.report.doing(f"looking at {prereq.name}")
    if prereq.token is not None:
        return tokens.step_of(scene, prereq, asked.namespace, asked.token)
    if prereq.charts:
        return releases.step_of(scene, prereq, asked.settings)
    return definitions.step_of(scene, prereq)


def _refuse_settings(asked: Asked) -> None:
    charted = [one.name for one in asked.wanted if one.charts]
    if asked.settings and len(charted) != 1:
        seen = f"here are {len(charted)}" if charted else "here is none"
        raise UsageError(
            f"--set is for the chart of one prerequisite, and {seen}",
            hint="install them one by one",
        )
    if asked.token.secret and sum(one.token is not None for one in asked.wanted) != 1:
        raise UsageError(
            "--secret names the Secret of one token", hint="say it with hf-token or llm-d-hf-token"
        )


def _refuse_same(wanted: Sequence[Prereq]) -> None:
    """Raise when two are one Helm release: the second would make something else of the first."""
    by_release: dict[tuple[str, str], str] = {}
    for prereq in wanted:
        for chart in prereq.charts:
            other = by_release.setdefault((chart.namespace, chart.release), prereq.name)
            if other != prereq.name:
                raise UsageError(
                    f"{other} and {prereq.name} are the same Helm release {chart.release}, with "
                    "other values",
                    hint="name one of them: gaiectl prereqs list says what each is for",
                )


def _require_needs(cluster: Cluster, wanted: Sequence[Prereq]) -> None:
    """Raise when something lacks what it needs, for nothing is brought that was not named."""
    named = {one.name for one in wanted}
    for prereq in wanted:
        lacking = [
            need for need in prereq.needs if need not in named and not is_there(cluster, get(need))
        ]
        if lacking:
            raise Refused(
                f"{prereq.name} needs {' and '.join(lacking)}, which the cluster lacks",
                hint=f"gaiectl prereqs install {' '.join([*lacking, prereq.name])}",
            )
