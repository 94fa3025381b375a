"""``gaiectl render``: a stack as manifests."""

from pathlib import Path
from typing import Annotated

import typer

from gaiectl.cli.options import Output, examples, output
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.console import terminal
from gaiectl.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "render",
        short_help="Show what a stack becomes, as manifests.",
        epilog=examples(
            "gaiectl render standalone --model-server sim --include-crds",
            "gaiectl render inferencepool llm -n llm --model-server gpu --provider istio",
            "gaiectl render standalone --api flags --selector app=vllm --epp-config epp.yaml",
            "gaiectl render --stack gaie.yaml | kubectl apply --server-side -f -",
            "gaiectl render --stack gaie.yaml -o dir --output-dir manifests",
        ),
    )(render)


@takes_stack
def render(
    wanted: Wanted,
    form: Annotated[
        Output,
        output(Output.YAML, Output.JSON, Output.NAME, Output.DIR, what="the manifests"),
    ] = Output.YAML,
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With -o dir: one file per object there.")
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(metavar="MIRROR", help="Take the images from this registry, paths kept."),
    ] = None,
    print_commands: Annotated[
        bool,
        typer.Option("--print-commands", help="Print a script for helm and kubectl instead."),
    ] = False,
) -> None:
    """Show what a stack becomes: every object once, checked, in the order to apply it."""
    from gaiectl.operations.render import render as render_plan

    if (form is Output.DIR) != (output_dir is not None):
        raise UsageError(
            "-o dir and --output-dir belong together",
            hint="gaiectl render ... -o dir --output-dir manifests",
        )
    if print_commands and (registry is not None or form is not Output.YAML):
        raise UsageError(
            "--print-commands prints a script: neither -o nor --registry changes it",
            hint="leave them out; values such as inferenceExtension.image.registry name a mirror",
        )
    plan = wanted.plan()
    rendered = render_plan(plan, wanted.helm())
    documents = list(rendered.documents)

    from gaiectl.documents import identity
    from gaiectl.operations import manifests  # later than Helm's start, for it costs time

    if registry is not None:
        from gaiectl.operations.images import with_registry

        documents = list(with_registry(documents, registry))
    for note in rendered.notes:
        terminal.say(f"note: {note}")
    if print_commands:
        from gaiectl.operations.commands import commands

        terminal.data(commands(plan).rstrip("\n"))
    elif output_dir is not None:
        count = manifests.write(documents, output_dir)
        terminal.say(f"{count} objects written to {output_dir}")
    elif form is Output.NAME:
        for document in documents:
            terminal.data(identity(document).title)
    elif form is Output.JSON:
        terminal.data(manifests.as_json(documents))
    else:
        terminal.data(manifests.as_yaml(documents).rstrip("\n"))
