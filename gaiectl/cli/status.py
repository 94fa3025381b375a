"""``gaiectl status``: how the stacks in a cluster are."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.named_stack import NamespaceOption
from gaiectl.cli.options import Output, examples, output
from gaiectl.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaiectl.cluster.api import Cluster
    from gaiectl.operations.status import Report

_PERIOD_SECONDS = 2.0
_FOR_PEOPLE = (Output.TEXT, Output.WIDE)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "status",
        short_help="Show how a stack is.",
        epilog=examples(
            "gaiectl status llm -n llm",
            "gaiectl status -A -o json | jq '.items[] | {name, isHealthy}'",
            "gaiectl status llm --watch",
        ),
    )(status)


@takes_cluster
def status(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="The stack; all of the namespace by default.",
            autocompletion=completion.stacks,
        ),
    ] = "",
    namespace: NamespaceOption = "",
    everywhere: Annotated[
        bool, typer.Option("-A", "--all-namespaces", help="Look in all namespaces.")
    ] = False,
    form: Annotated[
        Output, output(Output.TEXT, Output.WIDE, Output.JSON, Output.YAML)
    ] = Output.TEXT,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Show it again whenever it changes.")
    ] = False,
) -> int:
    """Show how a stack is: objects, pods, leader, load, what others changed, and what to do.

    Exit code 1: something is not as it should be.
    """
    from gaiectl.console import terminal
    from gaiectl.console.redrawn import Redrawn

    cluster = where.cluster(namespace)
    reports = _look(cluster, name, everywhere=everywhere)
    if not watch:
        if not reports:
            place = "the cluster" if everywhere else f"namespace {cluster.namespace}"
            terminal.say(f"there is no stack in {place}")
        if reports or form not in _FOR_PEOPLE:
            terminal.data(_shown(reports, form))
    else:
        with Redrawn() as screen:
            while True:
                screen.show(_shown(reports, form) or "there is no stack")
                time.sleep(_PERIOD_SECONDS)
                reports = _look(cluster, name, everywhere=everywhere)
    return Exit.OK if all(report.is_healthy for report in reports) else Exit.FAILED


def _look(cluster: "Cluster", name: str, *, everywhere: bool) -> "list[Report]":
    from gaiectl.operations.status import status as look
    from gaiectl.operations.which import some

    return [look(cluster, stack) for stack in some(cluster, name, everywhere=everywhere)]


def _shown(reports: "Sequence[Report]", form: Output) -> str:
    from gaiectl.console import answers, stack_status

    if form in _FOR_PEOPLE:
        is_wide = form is Output.WIDE
        return "\n\n".join(stack_status.text(report, is_wide=is_wide) for report in reports)
    items = [stack_status.as_json(report) for report in reports]
    answer = {"apiVersion": "gaiectl/v1", "kind": "StackStatusList", "items": items}
    return answers.text(answer, as_yaml=form is Output.YAML)
