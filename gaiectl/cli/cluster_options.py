"""The options that say which cluster is meant, as whom: those of kubectl."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli import completion
from gaiectl.cli.options import seconds
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import UsageError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster


class Where:
    """What the options say.

    Args:
        given: values of the options by their parameter names.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def named(self) -> dict[str, object]:
        """Return what was given of where and who, by option; None for what was not."""
        return {
            f"--{name.strip('_').replace('_', '-')}": self._given[name] or None
            for name in ("kubeconfig", "context", "as_", "as_group")
        }

    def cluster(self, namespace: str = "") -> "Cluster":
        """Return the cluster; nothing is asked yet.

        Raises:
            GaieError: no kubeconfig can be used.
        """
        from gaiectl.cluster.api import Cluster
        from gaiectl.cluster.connection import Access, connect

        given = self._given
        if given["as_"] == "helm":
            raise UsageError(
                "--as names a user, as kubectl's does",
                hint="for a release of Helm's say --as-helm",
            )
        return Cluster(
            connect(
                Access(
                    kubeconfig=given["kubeconfig"] or "",
                    context=given["context"] or "",
                    namespace=namespace,
                    user=given["as_"] or "",
                    groups=tuple(given["as_group"]),
                    timeout_seconds=seconds(given["request_timeout"], "--request-timeout"),
                )
            )
        )


def _options(
    kubeconfig: Annotated[
        str | None, typer.Option(metavar="FILE", help="The kubeconfig.  [default: $KUBECONFIG]")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            *("--context", "--kube-context"),
            metavar="NAME",
            help="A context in it.",
            autocompletion=completion.contexts,
        ),
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="USER", help="Act as this user.")
    ] = None,
    as_group: Annotated[
        list[str], typer.Option("--as-group", metavar="GROUP", help="Act as one of this group.")
    ] = [],  # noqa: B006 - typer copies it
    request_timeout: Annotated[
        str, typer.Option(metavar="30s", help="How long one request to the cluster may take.")
    ] = "30s",
) -> None:
    """Hold the options; never called."""


def takes_cluster(command: Command) -> Command:
    """Give a command the options of a cluster; it gets them as its argument ``where``."""
    return shares(_options, "where", Where)(command)
