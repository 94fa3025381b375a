"""The options that say how an installation goes: of install, upgrade and rollback."""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import Output, OutputOption, seconds
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster
    from gaiectl.operations.install import How, Wanted


class DryRun(StrEnum):
    """How much of an installation only to try."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


class Installing:
    """What the options say.

    Args:
        given: values of the options by their parameter names.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        limit = seconds(given["timeout"]) if given["timeout"] != "0" else 0.0
        self._seconds = limit if given["wait"] else 0.0

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said about what to try or to print."""
        return self._given["dry_run"] is DryRun.NONE and self._given["output"] is Output.TEXT

    def carry_out(self, cluster: "Cluster", wanted: "Wanted", notes: Iterable[str] = ()) -> None:
        """Install what is wanted, or show what that would do.

        Raises:
            GaieError: something stands in the way.
        """
        from gaiectl.console import terminal
        from gaiectl.operations.install import How

        given = self._given
        # What is needed first is looked for in the cluster itself.
        for note in notes:
            if not note.startswith("see first"):
                terminal.say(f"note: {note}")
        if given["dry_run"] is DryRun.CLIENT:
            _show_objects(wanted, given["output"])
            return
        how = How(
            seconds=self._seconds,
            is_forced=given["force_conflicts"],
            is_dry_run=given["dry_run"] is DryRun.SERVER,
        )
        _install(cluster, wanted, how, given["output"])


def _show_objects(wanted: "Wanted", output: Output) -> None:
    """Show what would be applied; nothing is asked of the cluster."""
    from gaiectl.console import terminal
    from gaiectl.console.installing import as_json
    from gaiectl.documents import identity
    from gaiectl.operations.install import Outcome

    found = [identity(document) for document in wanted.documents]
    if output is Output.JSON:
        outcome = Outcome(tuple((who, "applied") for who in found))
        terminal.data(json.dumps(as_json(wanted, outcome), indent=2))
        return
    for who in found:
        terminal.data(f"{who.title} applied (dry run)")


def _install(cluster: "Cluster", wanted: "Wanted", how: "How", output: Output) -> None:
    from gaiectl.console import terminal
    from gaiectl.console.installing import Progress, as_json, show_end
    from gaiectl.operations.install import install as apply

    is_text = output is Output.TEXT
    suffix = " (server dry run)" if how.is_dry_run else ""
    try:
        with Progress(suffix=suffix, has_objects=is_text) as progress:
            outcome = apply(cluster, wanted, progress, how)
    except GaieError as error:
        if not is_text:
            terminal.data(json.dumps(as_json(wanted, None, error), indent=2))
        raise
    finally:
        for warning in cluster.warnings:
            terminal.say(f"warning: {warning}")
    if not is_text:
        terminal.data(json.dumps(as_json(wanted, outcome), indent=2))
    if not how.is_dry_run:
        show_end(wanted, outcome)


def _options(  # noqa: PLR0917 - each is an option of the command line
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
    output: OutputOption = Output.TEXT,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Hold the options; never called."""


def takes_installing(command: Command) -> Command:
    """Give a command the options of an installation; it gets them as ``installing``."""
    return shares(_options, "installing", Installing)(command)
