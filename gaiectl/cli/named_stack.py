"""How verbs name a stack that is in a cluster."""

from typing import Annotated

import typer

NameArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help="The stack; needless where it is the only one.")
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        "-n", "--namespace", metavar="NS", help="Where it is.  [default: that of the context]"
    ),
]
