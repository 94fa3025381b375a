"""``gaiectl init``: a first gaie.yaml."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gaiectl.cli.options import examples
from gaiectl.console import terminal
from gaiectl.errors import Refused
from gaiectl.stack.model import ModelServerKind, PathName, ProviderName

_FIRST: dict[str, Any] = {
    "name": "llm",
    "namespace": "default",
    "modelServer": {"kind": ModelServerKind.SIM},
    "provider": {"name": ProviderName.NONE},
}
"""What a path that takes nothing else for granted begins with."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "init",
        epilog=examples(
            "gaiectl init",
            "gaiectl init prod.yaml --path inferencepool --model-server gpu --provider istio",
            "gaiectl init --path inference-scheduling --model-server builtin",
        ),
    )(init)


def init(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="Where to write; - is stdout.")
    ] = Path("gaie.yaml"),
    path: Annotated[PathName, typer.Option(help="Way to deploy.")] = PathName.STANDALONE,
    model_server: Annotated[
        ModelServerKind | None,
        typer.Option(help="Model servers to bring.  [default: the path's own, else sim]"),
    ] = None,
    provider: Annotated[
        ProviderName | None,
        typer.Option(
            case_sensitive=False,
            help="The gateway in front of an InferencePool.  [default: the path's own, else none]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write a gaie.yaml that says everything a stack can be."""
    from gaiectl.stack.defaults import defaults_of
    from gaiectl.stack.merge import merged
    from gaiectl.stack.schema import commented

    chosen = {
        "path": str(path),
        **({"modelServer": {"kind": str(model_server)}} if model_server else {}),
        **({"provider": {"name": str(provider)}} if provider else {}),
    }
    text = commented(merged(merged(_FIRST, defaults_of(path)), chosen))
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
