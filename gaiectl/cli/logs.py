"""``gaiectl logs``: what the pods of a stack write."""

from enum import StrEnum
from typing import Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.named_stack import NameArgument, NamespaceOption
from gaiectl.cli.options import examples, seconds
from gaiectl.errors import UsageError


class Component(StrEnum):
    """Parts of a stack that have pods."""

    EPP = "epp"
    MODEL = "model"
    PROXY = "proxy"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "logs",
        short_help="Show what the pods of a stack write.",
        epilog=examples(
            "gaiectl logs llm -n llm --component epp -f",
            "gaiectl logs llm --since 10m | grep -i error",
            "gaiectl logs llm --component model --previous --tail 20",
        ),
    )(logs)


@takes_cluster
def logs(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    name: NameArgument = "",
    namespace: NamespaceOption = "",
    component: Annotated[
        Component | None, typer.Option("--component", "-c", help="Of these pods only.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what is written from now on.")
    ] = False,
    previous: Annotated[
        bool, typer.Option("-p", "--previous", help="Of containers before their last restart.")
    ] = False,
    tail: Annotated[
        int, typer.Option(metavar="N", min=-1, help="How many lines of each container; -1: all.")
    ] = 200,
    since: Annotated[
        str, typer.Option(metavar="10m", help="Only what was written so long ago, or later.")
    ] = "",
) -> None:
    """Show what the pods of a stack write, each line behind its pod.

    With -f also of pods that come meanwhile, until Ctrl-C.
    """
    from gaiectl.console.pod_logs import show
    from gaiectl.operations.logs import Wanted, followed, written
    from gaiectl.operations.which import one

    if follow and previous:
        raise UsageError(
            "what was written before a restart cannot be followed", hint="leave out -f or -p"
        )
    wanted = Wanted(
        component=component or "",
        lines=None if tail < 0 else tail,
        since_seconds=max(1, round(seconds(since, "--since"))) if since else 0,
        is_previous=previous,
    )
    cluster = where.cluster(namespace)
    stack = one(cluster, name)
    lines = followed(cluster, stack, wanted) if follow else written(cluster, stack, wanted)
    for line in lines:
        show(line)
