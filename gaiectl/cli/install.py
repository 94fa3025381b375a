"""``gaiectl install``: a stack in a cluster."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import Output, OutputOption, examples, seconds
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.errors import GaieError, UsageError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster
    from gaiectl.operations.install import How
    from gaiectl.operations.install import Wanted as Objects


class DryRun(StrEnum):
    """How much of an installation only to try."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "install",
        short_help="Bring a stack into a cluster.",
        epilog=examples(
            "gaiectl install standalone --model-server sim --include-crds",
            "gaiectl install inferencepool llm -n llm --model-server gpu --provider istio",
            "gaiectl install --stack gaie.yaml --dry-run server",
            "gaiectl install --stack gaie.yaml --timeout 15m -o json",
        ),
    )(install)


@takes_stack
@takes_cluster
def install(  # noqa: PLR0917 - each is an option of the command line
    wanted: Wanted,
    where: Where,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it serves, or say why it won't.")
    ] = True,
    timeout: Annotated[
        str,
        typer.Option("--timeout", "--wait-duration", metavar="5m", help="How long; 0: no wait."),
    ] = "5m",
    dry_run: Annotated[
        DryRun, typer.Option(help="Only show what would be done, or let the server try it.")
    ] = DryRun.NONE,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take over fields that others have set.")
    ] = False,
    print_commands: Annotated[
        bool,
        typer.Option("--print-commands", help="Print a script for helm and kubectl instead."),
    ] = False,
    output: OutputOption = Output.TEXT,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,  # noqa: ARG001 - nothing is asked
) -> None:
    """Bring a stack into a cluster: checked as a whole first, then applied in phases."""
    from gaiectl.console import terminal
    from gaiectl.operations.install import How
    from gaiectl.operations.install import Wanted as Objects
    from gaiectl.operations.render import render

    limit = seconds(timeout) if timeout != "0" else 0.0
    if print_commands and (dry_run is not DryRun.NONE or output is not Output.TEXT):
        raise UsageError(
            "--print-commands prints a script: neither -o nor --dry-run changes it",
            hint="leave them out",
        )
    cluster = where.cluster(wanted.given["namespace"] or "")
    plan = wanted.plan(default_namespace=cluster.namespace)
    rendered = render(plan, wanted.helm())
    if print_commands:
        from gaiectl.operations.commands import commands

        terminal.data(commands(plan).rstrip("\n"))
        return
    objects = Objects(plan.name, plan.namespace, plan.path, rendered.documents)
    # What is needed first is looked for in the cluster itself.
    for note in rendered.notes:
        if not note.startswith("see first"):
            terminal.say(f"note: {note}")
    how = How(
        seconds=limit if wait else 0.0,
        is_forced=force_conflicts,
        is_dry_run=dry_run is DryRun.SERVER,
    )
    if dry_run is DryRun.CLIENT:
        _show_objects(objects, output)
        return
    _install(cluster, objects, how, output)


def _show_objects(objects: "Objects", output: Output) -> None:
    """Show what would be applied; nothing is asked of the cluster."""
    from gaiectl.console import terminal
    from gaiectl.console.installing import as_json
    from gaiectl.documents import identity
    from gaiectl.operations.install import Outcome

    found = [identity(document) for document in objects.documents]
    if output is Output.JSON:
        outcome = Outcome(tuple((who, "applied") for who in found))
        terminal.data(json.dumps(as_json(objects, outcome), indent=2))
        return
    for who in found:
        terminal.data(f"{who.title} applied (dry run)")


def _install(cluster: "Cluster", objects: "Objects", how: "How", output: Output) -> None:
    from gaiectl.console import terminal
    from gaiectl.console.installing import Progress, as_json, show_end
    from gaiectl.operations.install import install as apply

    is_text = output is Output.TEXT
    suffix = " (server dry run)" if how.is_dry_run else ""
    try:
        with Progress(suffix=suffix, has_objects=is_text) as progress:
            outcome = apply(cluster, objects, progress, how)
    except GaieError as error:
        if not is_text:
            terminal.data(json.dumps(as_json(objects, None, error), indent=2))
        raise
    finally:
        for warning in cluster.warnings:
            terminal.say(f"warning: {warning}")
    if not is_text:
        terminal.data(json.dumps(as_json(objects, outcome), indent=2))
    if not how.is_dry_run:
        show_end(objects, outcome)
