"""``gaiectl prereqs``: what a cluster needs before stacks come."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import (
    DryRun,
    DryRunOption,
    HelmOption,
    Output,
    OutputOption,
    examples,
    seconds,
)
from gaiectl.errors import Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaiectl.helm.binary import Helm
    from gaiectl.operations.prereqs.removing import Removal
    from gaiectl.operations.prereqs.sources import Source
    from gaiectl.operations.prereqs.steps import Done
    from gaiectl.prereqs.kinds import Prereq

app = typer.Typer(
    name="prereqs",
    help="Install what a cluster needs before stacks come: CRDs, controllers, tokens.",
    short_help="Install what a cluster needs before stacks come.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _names() -> list[str]:
    from gaiectl.prereqs import ALL

    return list(ALL)


_Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="As list shows them.", autocompletion=_names),
]
_Namespace = Annotated[
    str,
    typer.Option(
        *("-n", "--namespace"),
        metavar="NS",
        help="Of a Secret.  [default: that of the context]",
        autocompletion=completion.namespaces,
    ),
]
_Secret = Annotated[
    str, typer.Option(metavar="NAME", help="Another name for the Secret with the token.")
]
_TRIED = {DryRun.CLIENT: " (dry run)", DryRun.SERVER: " (server dry run)"}


@app.command(
    "list",
    short_help="Show what there is, which releases, and what each needs.",
    epilog=examples("gaiectl prereqs list", "gaiectl prereqs list -o json"),
)
def list_prereqs(output: OutputOption = Output.TEXT) -> None:
    """Show what can be installed: releases, and in -o json where all comes from, with sums."""
    from gaiectl.console import answers, terminal
    from gaiectl.console.tables import table
    from gaiectl.prereqs import ALL

    if output is not Output.TEXT:
        known = [_as_json(one) for one in ALL.values()]
        answers.show({"prereqs": known}, as_yaml=output is Output.YAML)
        return
    rows = [
        (one.name, one.version or None, ", ".join(one.needs) or None, one.what)
        for one in ALL.values()
    ]
    terminal.data(table(("name", "version", "needs", "what holds then"), rows, shrinks=(3,)))


@app.command(
    short_help="Install some of it.",
    epilog=examples(
        "gaiectl prereqs install inference-crds gateway-api istio",
        "gaiectl prereqs install lws --mirror ./mirror",
        "gaiectl prereqs install hf-token -n llm --from-file ~/.hf-token",
        "gaiectl prereqs install istio --print-commands",
    ),
)
@takes_cluster
def install(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    names: _Names,
    mirror: Annotated[
        str,
        typer.Option(
            metavar="URL|DIR", help="Take files and charts from this folder, server or registry."
        ),
    ] = "",
    namespace: _Namespace = "",
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="A value for the chart, as Helm's --set."),
    ] = [],  # noqa: B006 - typer copies it
    secret: _Secret = "",
    from_env: Annotated[
        str, typer.Option(metavar="VAR", help="The variable that holds the token.")
    ] = "HF_TOKEN",
    from_file: Annotated[
        str, typer.Option(metavar="FILE", help="The file that holds the token; - for stdin.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Write the token into a Secret of somebody else.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="8m", help="How long to wait for all of it; 0s is not to wait.")
    ] = "8m",
    dry_run: DryRunOption = DryRun.NONE,
    print_commands: Annotated[
        bool, typer.Option("--print-commands", help="Print commands that would; ask no cluster.")
    ] = False,
    helm: HelmOption = None,
) -> int:
    """Install what is named, and nothing else, from pinned places or a mirror of them.

    What is there already, brought by somebody else, stays as it is. The same command again changes
    nothing, or goes on with what did not end. Tokens are never taken from the command line.
    """
    from gaiectl import prereqs
    from gaiectl.console import terminal
    from gaiectl.console.installing import Progress
    from gaiectl.operations.prereqs import installing, lines
    from gaiectl.operations.prereqs.sources import source_of
    from gaiectl.operations.prereqs.steps import Scene
    from gaiectl.operations.prereqs.tokens import Given
    from gaiectl.operations.waiting import Patience

    wanted = tuple(prereqs.in_order(names))
    source, limit = source_of(mirror), seconds(timeout)
    token = Given(from_env, from_file, secret, replace)
    asked = installing.Asked(wanted, namespace, token, tuple(settings))
    installing.refuse_nonsense(asked)
    if print_commands:
        for one in wanted:
            printed = lines.lines(
                one, source, namespace=namespace, token=token, settings=tuple(settings)
            )
            terminal.data("\n".join(printed))
        return Exit.OK
    if dry_run is DryRun.CLIENT:
        for text in _planned(wanted, source, secret):
            terminal.data(f"{text}{_TRIED[dry_run]}")
        return Exit.OK
    cluster = where.cluster(namespace)
    asked = asked._replace(namespace=cluster.namespace)
    with Progress() as progress:
        scene = Scene(
            *(cluster, source, _finder(helm), Patience(limit), progress),
            is_dry_run=dry_run is not DryRun.NONE,
        )
        for done in installing.install(scene, asked):
            terminal.data(f"{_line(done)}{_TRIED.get(dry_run, '')}")
    return Exit.OK


@app.command(
    short_help="Remove what gaiectl installed, if nobody uses it.",
    epilog=examples(
        "gaiectl prereqs remove lws",
        "gaiectl prereqs remove istio gateway-api --dry-run",
        "gaiectl prereqs remove hf-token -n llm -y",
    ),
)
@takes_cluster
def remove(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    names: _Names,
    namespace: _Namespace = "",
    secret: _Secret = "",
    timeout: Annotated[
        str, typer.Option(metavar="5m", help="How long to wait until all is gone.")
    ] = "5m",
    dry_run: DryRunOption = DryRun.NONE,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    helm: HelmOption = None,
) -> int:
    """Remove what is named, if gaiectl installed it and nobody uses it; else nothing is changed."""
    from gaiectl import prereqs
    from gaiectl.console import cleaning, terminal
    from gaiectl.operations.gone import Patience
    from gaiectl.operations.prereqs import removing

    wanted = tuple(prereqs.in_order(names))
    limit = seconds(timeout)
    cluster = where.cluster(namespace)
    removals = list(removing.plan(cluster, wanted, _finder(helm), cluster.namespace, secret))
    _show(removals, is_answer=dry_run is not DryRun.NONE)
    going = [one for one in removals if one.told]
    if dry_run is not DryRun.NONE or not going:
        return Exit.OK
    if not yes:
        if not cleaning.can_ask():
            raise UsageError(
                "nobody is there to be asked whether this may be removed",
                hint="say yes beforehand with -y, or look at it with --dry-run",
            )
        if not cleaning.is_agreed(sum(len(one.told) for one in going)):
            terminal.say("nothing was removed")
            return Exit.FAILED
    told = cleaning.Lines()
    patience = Patience(limit, told.waits)
    for removal in going:
        cleaning.show_kept(removal.carry_out(patience, told))
        terminal.say(f"{terminal.symbol('done')} {removal.prereq.name} is removed")
    return Exit.OK


def _show(removals: "list[Removal]", *, is_answer: bool) -> None:
    from gaiectl.console import terminal

    write = terminal.data if is_answer else terminal.say
    for removal in removals:
        if not removal.told:
            terminal.say(f"{removal.prereq.name} is not there")
        for part in removal.told:
            write(f"{removal.prereq.name}: {part} goes")


def _finder(given: Path | None) -> "Callable[[], Helm]":
    from functools import cache

    from gaiectl.helm.binary import find

    return cache(lambda: find(given))


def _line(done: "Done") -> str:
    told = f" ({done.told})" if done.told else ""
    return f"{done.name} {done.verdict}{told}"


def _planned(wanted: "tuple[Prereq, ...]", source: "Source", secret: str) -> "Iterator[str]":
    """Yield what would be installed, from where; nothing is asked."""
    for one in wanted:
        for name in one.bundled:
            yield f"{one.name}: {name}, which comes with gaiectl"
        for file in one.files:
            yield f"{one.name}: {source.place(file)}"
        for chart in one.charts:
            yield (
                f"{one.name}: Helm release {chart.release} in namespace {chart.namespace} of "
                f"{' '.join(source.chart(chart))}"
            )
        for document in one.objects:
            yield f"{one.name}: {document['kind']} {document['metadata']['name']}"
        if one.token:
            yield f"{one.name}: Secret {secret or one.token.secret} with the key {one.token.key}"


def _as_json(prereq: "Prereq") -> dict[str, object]:
    return {
        "name": prereq.name,
        "what": prereq.what,
        "version": prereq.version or None,
        "needs": list(prereq.needs),
        "bundled": list(prereq.bundled),
        "files": [file._asdict() for file in prereq.files],
        "charts": [
            {
                "release": chart.release,
                "namespace": chart.namespace,
                "reference": chart.reference,
                "version": chart.version or None,
                "archive": chart.archive,
                "values": [file._asdict() for file in chart.values],
                "settings": list(chart.settings),
            }
            for chart in prereq.charts
        ],
        "objects": list(prereq.objects),
        "secret": prereq.token._asdict() if prereq.token else None,
    }
