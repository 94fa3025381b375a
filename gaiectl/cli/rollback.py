"""``gaiectl rollback``: a stack as it was before."""

import re
from typing import Annotated

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.install_options import Installing, takes_installing
from gaiectl.cli.named_stack import NameArgument, NamespaceOption
from gaiectl.cli.options import examples

_NUMBER = re.compile("[1-9][0-9]{0,8}")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "rollback",
        short_help="Bring a stack back to a revision.",
        epilog=examples(
            "gaiectl rollback llm -n llm",
            "gaiectl rollback llm 3 --dry-run server",
        ),
    )(rollback)


@takes_cluster
@takes_installing
def rollback(
    where: Where,
    installing: Installing,
    name: NameArgument = "",
    revision: Annotated[
        int | None,
        typer.Argument(
            metavar="[REVISION]",
            min=1,
            help="The one before the latest by default.",
            autocompletion=completion.revisions,
        ),
    ] = None,
    namespace: NamespaceOption = "",
) -> None:
    """Bring a stack back to a revision: its objects are installed once more, others pruned.

    That makes a new revision, so it can be undone in the same way. The latest revision undoes what
    others changed. Namespaces and CRDs stay as they are.
    """
    from gaiectl.cluster.which import find
    from gaiectl.console import terminal
    from gaiectl.operations.install import Wanted
    from gaiectl.operations.rollback import chosen, refuse_release
    from gaiectl.operations.which import name_of, one

    cluster = where.cluster(namespace)
    if revision is None and _NUMBER.fullmatch(name) and find(cluster, name) is None:
        name, revision = "", int(name)  # of the only stack
    stack = one(cluster, name)
    refuse_release(cluster, stack)
    wanted = chosen(cluster, stack, revision or 0)
    terminal.say(f"{name_of(stack)}: back to revision {wanted.number}")
    objects = Wanted(
        name_of(stack),
        stack.parent.namespace,
        wanted.path,
        wanted.documents(),
        wanted.options(),
        f"rollback to {wanted.number}",
        continues=stack.uid,
    )
    installing.carry_out(cluster, objects)
