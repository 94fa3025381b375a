"""``gaiectl export``: a stack as files that work without gaiectl."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.options import examples
from gaiectl.cli.repository_options import FolderOption, Target, takes_repository
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.console import terminal
from gaiectl.errors import GaieError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaiectl.operations.render import Rendered
    from gaiectl.plan import Plan

RECORD = ".gaiectl-export"
"""In an export's folder: the names of the files that we wrote there."""

app = typer.Typer(
    name="export",
    help="Write a stack as files that work without gaiectl.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    short_help="A shell script that needs kubectl only.",
    epilog=examples(
        "gaiectl export script standalone --model-server sim > gaie.sh && sh gaie.sh up",
        "gaiectl export script --stack gaie.yaml --output-dir deploy",
    ),
)
@takes_stack
def script(
    wanted: Wanted,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", metavar="DIR", help="Where to write.  [default: stdout]"),
    ] = None,
) -> None:
    """Write a shell script that brings the stack up and takes it down with kubectl alone.

    It waits for what it brings, as install does.
    """
    from gaiectl.exports import script as form

    _, rendered = _rendered(wanted)
    if output_dir is None:
        terminal.data(form.text(rendered).rstrip("\n"))
    else:
        _write(form.files(rendered), output_dir, "sh gaie.sh up")


@app.command(
    short_help="A helmfile with the charts and values.",
    epilog=examples("gaiectl export helmfile inference-scheduling --output-dir deploy"),
)
@takes_stack
def helmfile(wanted: Wanted, output_dir: FolderOption) -> None:
    """Write a helmfile, the charts and the values.

    For helmfile 0.166 or newer with Helm 3, and for helmfile 1.2 or newer with Helm 4 too.
    """
    from gaiectl.exports import helmfile as form
    from gaiectl.operations.charts import texts

    plan, rendered = _rendered(wanted)
    _note_monitors(rendered)
    charts = {
        f"charts/{name}/{path}": text
        for name in form.charts(plan)
        for path, text in texts(name).items()
    }
    _write({**form.files(plan), **charts}, output_dir, f"{_helmfile(wanted)} sync")


@app.command(
    short_help="Bases for kustomize.",
    epilog=examples(
        "gaiectl export kustomize standalone --model-server sim --output-dir deploy",
        "kubectl apply --server-side -k deploy/base",
    ),
)
@takes_stack
def kustomize(wanted: Wanted, output_dir: FolderOption) -> None:
    """Write a base for kustomize, and one more for the CRDs with --include-crds."""
    from gaiectl.exports import kustomize as form

    _, rendered = _rendered(wanted)
    _note_monitors(rendered)
    _write(form.files(rendered), output_dir, "kubectl apply --server-side -k base")


@app.command(
    short_help="An Application for Argo CD.",
    epilog=examples(
        "gaiectl export argocd --stack gaie.yaml --output-dir deploy/llm "
        "--repo-url https://git.example.com/deploy --repo-path llm"
    ),
)
@takes_stack
@takes_repository
def argocd(wanted: Wanted, target: Target) -> None:
    """Write an Application of Argo CD and what it syncs, phase by phase."""
    from gaiectl.exports import argocd as form

    repository = target.repository()
    _, rendered = _rendered(wanted)
    _note_monitors(rendered)
    _write(form.files(rendered, repository), target.folder, "kubectl apply -f application.yaml")


@app.command(
    short_help="A GitRepository and Kustomizations for Flux.",
    epilog=examples(
        "gaiectl export flux --stack gaie.yaml --output-dir deploy/llm "
        "--repo-url https://git.example.com/deploy --repo-path llm"
    ),
)
@takes_stack
@takes_repository
def flux(wanted: Wanted, target: Target) -> None:
    """Write a GitRepository and Kustomizations of Flux, and what they apply."""
    from gaiectl.exports import flux as form

    repository = target.repository()
    _, rendered = _rendered(wanted)
    _note_monitors(rendered)
    _write(form.files(rendered, repository), target.folder, "kubectl apply -f flux.yaml")


def _rendered(wanted: Wanted) -> "tuple[Plan, Rendered]":
    """Return the plan and what it renders, which proves that the export can work."""
    from gaiectl.operations.render import render

    plan = wanted.plan()
    rendered = render(plan, wanted.helm())
    for note in rendered.notes:
        terminal.say(f"note: {note}")
    return plan, rendered


def _note_monitors(rendered: "Rendered") -> None:
    """Say what whoever applies everything or nothing needs to know; install leaves them out."""
    from gaiectl.operations.monitors import is_unasked
    from gaiectl.prereqs import POD_MONITOR_CRDS

    if any(map(is_unasked, rendered.documents)):
        terminal.say(
            f"note: with a PodMonitor, see first that {POD_MONITOR_CRDS.what}: "
            f"{POD_MONITOR_CRDS.command}"
        )


def _helmfile(wanted: Wanted) -> str:
    """Return what calls the helmfile of this machine, if any; warns when it would fail here."""
    from gaiectl.tools import catalogue, finding, pairing

    helm = wanted.helm().found
    try:
        helmfile = finding.find(catalogue.HELMFILE)
        return pairing.command((helmfile, finding.version(helmfile)), (helm, finding.version(helm)))
    except finding.NotInstalled:
        pass
    except GaieError as error:
        terminal.say(f"{terminal.symbol('warning')} {error.message}; {error.hint}")
    return "helmfile"


def _write(texts: "Mapping[str, str]", folder: Path, then: str) -> None:
    from gaiectl.checks.wording import counted
    from gaiectl.operations import own_folder

    own_folder.write(texts, folder, RECORD)
    terminal.say(f"{counted(len(texts), 'file')} written to {folder}; there: {then}")
