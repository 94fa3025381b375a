"""``gaiectl sysdump``: all that helps to find out why a stack does not work, in one file."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.installed_scene import scene_of
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.named_stack import NameArgument, NamespaceOption
from gaiectl.cli.options import examples, seconds
from gaiectl.errors import Exit, GaieError, UsageError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster
    from gaiectl.cluster.applyset import ApplySet

_MOST_TOLD = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "sysdump",
        short_help="Collect all there is to know of a stack in one file.",
        epilog=examples(
            "gaiectl sysdump llm -n llm",
            "gaiectl sysdump llm --file /tmp/llm.tar.gz --lines 10000",
        ),
    )(sysdump)


@takes_cluster
def sysdump(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    name: NameArgument = "",
    namespace: NamespaceOption = "",
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to.  [default: gaiectl-sysdump-NAME-TIME.tar.gz]"),
    ] = None,
    lines: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many last lines of each log.")
    ] = 2000,
    timeout: Annotated[
        str, typer.Option(metavar="2m", help="After that nothing more is collected.")
    ] = "2m",
) -> int:
    """Collect objects, events, logs, metrics, and what Envoy and Endpoint Picker know, in one file.

    Values of Secrets, tokens and prompts are left out as far as they can be told from other text:
    look at it before you give it away. Only you may read it.
    """
    from gaiectl.console import terminal
    from gaiectl.operations.sysdump import Limits
    from gaiectl.operations.sysdump import sysdump as collect
    from gaiectl.operations.which import name_of, one

    limits = Limits(lines, seconds(timeout))
    cluster = where.cluster(namespace)
    heard = Interruptions()
    try:
        stack = one(cluster, name)
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = file or Path(f"gaiectl-sysdump-{name_of(stack)}-{moment}.tar.gz")
        _refuse_unusable(path)
        checks = _checks(cluster, stack)
        made = collect(
            cluster, stack, path, limits=limits, checks=checks, doing=terminal.show_progress
        )
    except KeyboardInterrupt:
        return heard.code
    terminal.data(str(made.path))
    terminal.say(f"{made.files} files, {_size(made.size)}, for your eyes only (mode 0600)")
    for part, why in made.missing[:_MOST_TOLD]:
        terminal.say(f"not in it: {part}: {why}")
    if len(made.missing) > _MOST_TOLD:
        terminal.say(f"and {len(made.missing) - _MOST_TOLD} more: see errors.txt in it")
    return Exit.OK


def _refuse_unusable(path: Path) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already", hint="name another file with --file")
    if not path.absolute().parent.is_dir():
        raise GaieError(
            f"there is no folder {path.absolute().parent}", hint="make it, or name another one"
        )


def _checks(cluster: "Cluster", stack: "ApplySet") -> Callable[[], Mapping[str, Any]]:
    """Return what makes the checks of a stack that is there, as ``gaiectl check --post`` does."""

    def make() -> Mapping[str, Any]:
        from gaiectl.checks.cluster.catalog import ALL
        from gaiectl.checks.cluster.report import Report
        from gaiectl.checks.cluster.run import run

        scene = scene_of(cluster, stack)
        began = time.monotonic()
        results = list(run([one for one in ALL if scene.stage in one.stages], scene))
        return Report(
            stage=scene.stage,
            name=scene.name,
            namespace=scene.namespace,
            context=cluster.connection.context,
            server=cluster.connection.server,
            results=results,
            seconds=time.monotonic() - began,
        ).as_json()

    return make


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.0f} KiB"
