"""``gaiectl history``: what a stack was before."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.named_stack import NameArgument, NamespaceOption
from gaiectl.cli.options import HeadersOption, Output, OutputOption, examples

if TYPE_CHECKING:
    from gaiectl.operations.history import Revision


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "history",
        short_help="Show the revisions of a stack.",
        epilog=examples("gaiectl history llm -n llm", "gaiectl history llm --revision 3"),
    )(history)


@takes_cluster
def history(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    name: NameArgument = "",
    namespace: NamespaceOption = "",
    revision: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Show the objects of this one, Secrets masked.",
            autocompletion=completion.revisions,
        ),
    ] = None,
    output: OutputOption = Output.TEXT,
    no_headers: HeadersOption = False,
) -> None:
    """Show the revisions of a stack, the latest last: one for each installation of something else.

    Ten are kept, in Secrets beside the stack. gaiectl rollback goes back to one.
    """
    from gaiectl.console import answers, terminal
    from gaiectl.console.ages import since
    from gaiectl.console.tables import table
    from gaiectl.documents import dump
    from gaiectl.operations.history import revisions
    from gaiectl.operations.rollback import chosen
    from gaiectl.operations.which import name_of, one

    cluster = where.cluster(namespace)
    stack = one(cluster, name)
    if revision:
        documents = chosen(cluster, stack, revision).masked()
        if output is Output.JSON:
            answers.show(documents, as_yaml=False)
        else:
            terminal.data(dump(documents).rstrip("\n"))
        return
    there = revisions(cluster, stack)
    if output is not Output.TEXT:
        listed = [_as_json(one) for one in there]
        head = {"apiVersion": "gaiectl/v1", "kind": "History", "name": name_of(stack)}
        body = {"namespace": stack.parent.namespace, "revisions": listed}
        answers.show(head | body, as_yaml=output is Output.YAML)
    elif there:
        rows = [(one.number, since(one.made), one.path, one.version, one.cause) for one in there]
        terminal.data(
            table(("revision", "age", "path", "gaiectl", "cause"), rows, has_headers=not no_headers)
        )
    else:
        terminal.say(f"{name_of(stack)} has no revisions")


def _as_json(revision: "Revision") -> dict[str, Any]:
    return {
        "revision": revision.number,
        "made": revision.made,
        "path": revision.path,
        "gaiectlVersion": revision.version,
        "cause": revision.cause,
    }
