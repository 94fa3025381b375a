"""``gaiectl list``: the stacks of a cluster."""

from typing import Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.named_stack import NamespaceOption
from gaiectl.cli.options import HeadersOption, Output, examples, output


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "list",
        short_help="Show the stacks of a cluster.",
        epilog=examples("gaiectl list -A", "gaiectl list -n llm -o json", "gaiectl list -o name"),
    )(list_stacks)


@takes_cluster
def list_stacks(
    where: Where,
    namespace: NamespaceOption = "",
    everywhere: Annotated[
        bool, typer.Option("-A", "--all-namespaces", help="Of all namespaces.")
    ] = False,
    form: Annotated[
        Output, output(Output.TEXT, Output.JSON, Output.YAML, Output.NAME, what="the list")
    ] = Output.TEXT,
    no_headers: HeadersOption = False,
) -> None:
    """Show which stacks are there, how they were made, and whether they are complete.

    What an installation or a cleanup left that did not end is half-made: the same command again
    goes on with it, and gaiectl cleanup removes it.
    """
    from gaiectl.console import answers, terminal
    from gaiectl.console.ages import since
    from gaiectl.console.tables import table
    from gaiectl.operations.stacks import stacks

    cluster = where.cluster(namespace)
    found = stacks(cluster, "" if everywhere else cluster.namespace)
    if form in (Output.JSON, Output.YAML):
        items = [one._asdict() for one in found]
        listed = {"apiVersion": "gaiectl/v1", "kind": "StackList", "items": items}
        answers.show(listed, as_yaml=form is Output.YAML)
    elif form is Output.NAME:
        for one in found:
            terminal.data(f"{one.namespace}/{one.name}" if everywhere else one.name)
    elif found:
        rows = [
            (
                *([one.namespace] if everywhere else []),
                *(one.name, one.path or None, one.objects, one.state),
                *(one.version or None, since(one.created)),
            )
            for one in found
        ]
        place = ("namespace",) if everywhere else ()
        heads = (*place, "name", "path", "objects", "state", "version", "age")
        shrinks = [heads.index(one) for one in (*place, "name", "state")]
        terminal.data(table(heads, rows, has_headers=not no_headers, shrinks=shrinks))
    else:
        of = "" if everywhere else f" in namespace {cluster.namespace}"
        terminal.say(f"there are no stacks{of}")
