"""The options that say how an installation goes: of install, upgrade and rollback."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import DryRun, DryRunOption, Output, output, seconds
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster
    from gaiectl.operations.install import How, Outcome, Wanted


_FOR_PROGRAMS = (Output.JSON, Output.YAML)


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
        return self._given["dry_run"] is DryRun.NONE and self._given["form"] is Output.TEXT

    @property
    def asks_nobody(self) -> bool:
        """Whether only to show what would be applied, without the cluster."""
        return self._given["dry_run"] is DryRun.CLIENT

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
        if self.asks_nobody:
            _show_objects(wanted, given["form"])
            return
        how = How(
            seconds=self._seconds,
            is_forced=given["force_conflicts"],
            is_dry_run=given["dry_run"] is DryRun.SERVER,
        )
        _install(cluster, wanted, how, given["form"])


def _show_objects(wanted: "Wanted", form: Output) -> None:
    """Show what would be applied; nothing is asked of the cluster."""
    from gaiectl.documents import identity
    from gaiectl.operations.install import Outcome

    found = [identity(document) for document in wanted.documents]
    _show_outcome(wanted, Outcome(tuple((who, "applied") for who in found)), form, " (dry run)")


def _install(cluster: "Cluster", wanted: "Wanted", how: "How", form: Output) -> None:
    from gaiectl.console import answers, terminal
    from gaiectl.console.installing import Progress, as_json, show_end
    from gaiectl.operations.install import install as apply

    suffix = " (server dry run)" if how.is_dry_run else ""
    progress = Progress(suffix=suffix, has_objects=form is Output.TEXT)
    try:
        with progress:
            outcome = apply(cluster, wanted, progress, how)
    except GaieError as error:
        if form in _FOR_PROGRAMS:
            answers.show(as_json(wanted, progress.so_far(), error), as_yaml=form is Output.YAML)
        raise
    finally:
        for warning in cluster.warnings:
            terminal.say(f"warning: {warning}")
    if form is not Output.TEXT:
        _show_outcome(wanted, outcome, form)
    if not how.is_dry_run:
        show_end(wanted, outcome)


def _show_outcome(wanted: "Wanted", outcome: "Outcome", form: Output, suffix: str = "") -> None:
    from gaiectl.console import answers, terminal
    from gaiectl.console.installing import as_json

    if form in _FOR_PROGRAMS:
        answers.show(as_json(wanted, outcome), as_yaml=form is Output.YAML)
        return
    for who, verb in outcome.verbs:
        terminal.data(who.title if form is Output.NAME else f"{who.title} {verb}{suffix}")


def _options(  # noqa: PLR0917 - each is an option of the command line
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until it serves, or say why it won't.")
    ] = True,
    timeout: Annotated[
        str,
        typer.Option("--timeout", "--wait-duration", metavar="5m", help="How long; 0: no wait."),
    ] = "5m",
    dry_run: DryRunOption = DryRun.NONE,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take over fields that others have set.")
    ] = False,
    form: Annotated[
        Output, output(Output.TEXT, Output.JSON, Output.YAML, Output.NAME)
    ] = Output.TEXT,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Hold the options; never called."""


def takes_installing(command: Command) -> Command:
    """Give a command the options of an installation; it gets them as ``installing``."""
    return shares(_options, "installing", Installing)(command)
