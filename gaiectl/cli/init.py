"""``gaiectl init``: a first gaie.yaml."""

from pathlib import Path
from typing import Annotated

import typer

from gaiectl.cli.options import examples
from gaiectl.console import terminal
from gaiectl.errors import Refused
from gaiectl.stack.model import ModelServerKind, PathName, ProviderName


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "init",
        epilog=examples(
            "gaiectl init",
            "gaiectl init prod.yaml --path inferencepool --model-server gpu --provider istio",
        ),
    )(init)


def init(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="Where to write; - is stdout.")
    ] = Path("gaie.yaml"),
    path: Annotated[PathName, typer.Option(help="Way to deploy.")] = PathName.STANDALONE,
    model_server: Annotated[
        ModelServerKind, typer.Option(help="Model servers to bring.")
    ] = ModelServerKind.SIM,
    provider: Annotated[
        ProviderName,
        typer.Option(case_sensitive=False, help="The gateway in front of an InferencePool."),
    ] = ProviderName.NONE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write a gaie.yaml that says everything a stack can be."""
    from gaiectl.stack.schema import commented

    text = commented(
        {
            "path": str(path),
            "name": "llm",
            "namespace": "default",
            "modelServer": {"kind": str(model_server)},
            "provider": {"name": str(provider)},
        }
    )
    if str(file) == "-":
        terminal.data(text.rstrip("\n"))
        return
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise Refused(
            f"{file} is there already", hint="name another file, or replace it with --force"
        ) from None
    terminal.say(f"{file} written; next: gaiectl render --stack {file}")
