"""How verbs name a stack that is in a cluster."""

from typing import Annotated

import typer

from gaiectl.cli import completion

_NAME = typer.Argument(
    metavar="[NAME]",
    help="The stack; needless where it is the only one.",
    autocompletion=completion.stacks,
)
_NAMESPACE = typer.Option(
    *("-n", "--namespace"),
    metavar="NS",
    help="Where it is.  [default: that of the context]",
    autocompletion=completion.namespaces,
)

NameArgument = Annotated[str, _NAME]
NamespaceOption = Annotated[str, _NAMESPACE]
MaybeName = Annotated[str | None, _NAME]
MaybeNamespace = Annotated[str | None, _NAMESPACE]
