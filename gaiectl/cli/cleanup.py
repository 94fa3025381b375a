"""``gaiectl cleanup``: a stack goes, and nothing else."""

from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.named_stack import NameArgument
from gaiectl.cli.options import examples, seconds
from gaiectl.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaiectl.cluster.api import Cluster
    from gaiectl.operations.cleanup import Removal
    from gaiectl.operations.shared_cleanup import SharedRemoval
    from gaiectl.operations.stacks_to_clean import Asked


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "cleanup",
        short_help="Remove a stack from a cluster, and nothing else.",
        epilog=examples(
            "gaiectl cleanup",
            "gaiectl cleanup llm -n llm --namespace --crds",
            "gaiectl cleanup --all -A --dry-run",
            "gaiectl cleanup llm -y --timeout 10m",
        ),
    )(cleanup)


@takes_cluster
def cleanup(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    name: NameArgument = "",
    is_all: Annotated[bool, typer.Option("--all", help="All stacks of the namespace.")] = False,
    everywhere: Annotated[
        bool, typer.Option("-A", "--all-namespaces", help="With --all: of all namespaces.")
    ] = False,
    place: Annotated[
        str,
        typer.Option(
            *("-n",),
            metavar="NS",
            help="Where it is.  [default: that of the context]",
            autocompletion=completion.namespaces,
        ),
    ] = "",
    crds: Annotated[
        bool,
        typer.Option(
            "--crds", help="Remove the CRDs too that gaiectl brought, if nobody uses them."
        ),
    ] = False,
    namespace: Annotated[
        bool,
        typer.Option(
            "--namespace", help="Remove the namespace too, if gaiectl made it and it is empty."
        ),
    ] = False,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Remove PersistentVolumeClaims too.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="5m", help="How long to wait until all is gone.")
    ] = "5m",
    force_finalizers: Annotated[
        bool,
        typer.Option(
            "--force-finalizers",
            help="After --timeout, remove finalizers; what they stand for may stay behind.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> int:
    """Remove a stack: exactly what gaiectl made of it, and the proof that nothing is left.

    CRDs, the namespace and PersistentVolumeClaims stay unless asked for, and as long as others use
    them. What was begun by an installation or a cleanup that did not end goes too.
    """
    from gaiectl.console import terminal
    from gaiectl.operations.stacks_to_clean import Asked, look

    if (is_all and name) or (everywhere and not is_all):
        raise UsageError(
            "--all means every stack, so it goes with no name; -A goes with --all",
            hint="name one stack, or say --all",
        )
    limit = seconds(timeout)
    heard = Interruptions()
    try:
        cluster = where.cluster(place)
        asked = Asked(name, is_all, everywhere, crds, namespace, delete_data)
        removals, shared = look(cluster, asked)
        from gaiectl.console import cleaning

        is_something = bool(removals or shared.is_something)
        cleaning.show(removals, shared, terminal.data if dry_run else terminal.say)
        if not is_something:
            terminal.say("there is nothing to clean up")
        if dry_run or not is_something:
            return Exit.OK
        if not yes:
            if not cleaning.can_ask():
                raise UsageError(
                    "nobody is there to be asked whether this may be deleted",
                    hint="say yes beforehand with -y, or look at it with --dry-run",
                )
            if not cleaning.is_agreed(cleaning.count(removals, shared)):
                terminal.say("nothing was deleted")
                return Exit.FAILED
        _carry_out(cluster, removals, shared, asked, limit, force=force_finalizers, grows=yes)
    except KeyboardInterrupt:
        return heard.code
    return Exit.OK


def _carry_out(
    cluster: "Cluster",
    removals: "Sequence[Removal]",
    shared: "SharedRemoval",
    asked: "Asked",
    limit: float,
    *,
    force: bool,
    grows: bool,
) -> None:
    from gaiectl.console import cleaning
    from gaiectl.operations.cleanup import cleanup as remove
    from gaiectl.operations.gone import Patience
    from gaiectl.operations.shared_cleanup import remove_shared

    lines = cleaning.Lines()
    patience = Patience(limit, lines.waits, force_finalizers=force)
    for removal in removals:
        proof = remove(cluster, removal, patience, lines, with_data=asked.with_data, may_grow=grows)
        cleaning.show_proof(removal, proof)
    if shared.is_something:
        cleaning.show_kept(remove_shared(cluster, shared, patience, lines))
