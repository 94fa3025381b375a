"""``gaiectl cleanup``: a stack goes, and nothing else."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.named_stack import NameArgument
from gaiectl.cli.options import DryRun, DryRunOption, Output, examples, output, seconds
from gaiectl.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaiectl.cluster.api import Cluster
    from gaiectl.console.cleaning import Lines
    from gaiectl.operations.cleanup import Removal
    from gaiectl.operations.gone import Patience
    from gaiectl.operations.shared_cleanup import SharedRemoval


_TRIED = {DryRun.CLIENT: " (dry run)", DryRun.SERVER: " (server dry run)"}


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
    dry_run: DryRunOption = DryRun.NONE,
    form: Annotated[
        Output, output(Output.TEXT, Output.NAME, what="what is told of each object")
    ] = Output.TEXT,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> int:
    """Remove a stack: exactly what gaiectl made of it, and the proof that nothing is left.

    CRDs, the namespace and PersistentVolumeClaims stay unless asked for, and as long as others use
    them. What was begun by an installation or a cleanup that did not end goes too.
    """
    from gaiectl.console import terminal
    from gaiectl.documents import identity
    from gaiectl.operations.cleanup_trial import try_out
    from gaiectl.operations.gone import Patience
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
        is_table = form is Output.TEXT and dry_run is DryRun.CLIENT
        cleaning.show(removals, shared, is_answer=is_table)
        if not is_something:
            terminal.say("there is nothing to clean up")
        lines = cleaning.Lines(is_name_only=form is Output.NAME, tried=_TRIED.get(dry_run, ""))
        going = cleaning.everything(removals, shared)
        if dry_run is DryRun.SERVER:
            lines.tell(try_out(cluster, going))
        elif dry_run is DryRun.CLIENT and not is_table:
            lines.tell(map(identity, going))
        if dry_run is not DryRun.NONE or not is_something:
            return Exit.OK
        if not yes:
            if not cleaning.can_ask():
                raise UsageError(
                    "nobody is there to be asked whether this may be deleted",
                    hint="say yes beforehand with -y, or look at it with --dry-run",
                )
            if not cleaning.is_agreed(len(going)):
                terminal.say("nothing was deleted")
                return Exit.FAILED
        patience = Patience(limit, lines.waits, force_finalizers=force_finalizers)
        go = _Going(patience, lines, with_data=asked.with_data, may_grow=yes)
        _carry_out(cluster, removals, shared, go)
    except KeyboardInterrupt:
        return heard.code
    return Exit.OK


def _carry_out(
    cluster: "Cluster", removals: "Sequence[Removal]", shared: "SharedRemoval", go: "_Going"
) -> None:
    from gaiectl.console import cleaning
    from gaiectl.operations.cleanup import cleanup as remove
    from gaiectl.operations.shared_cleanup import remove_shared

    for removal in removals:
        proof = remove(
            *(cluster, removal, go.patience, go.lines),
            with_data=go.with_data,
            may_grow=go.may_grow,
        )
        cleaning.show_proof(removal, proof)
    if shared.is_something:
        cleaning.show_kept(remove_shared(cluster, shared, go.patience, go.lines))


class _Going(NamedTuple):
    """How it goes: what is waited for, whom it is told, and what may go too."""

    patience: "Patience"
    lines: "Lines"
    with_data: bool
    may_grow: bool
