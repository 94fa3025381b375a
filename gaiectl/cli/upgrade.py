"""``gaiectl upgrade``: a stack that is there, made from other options."""

import inspect
import tempfile
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.install import bring
from gaiectl.cli.install_options import Installing, takes_installing
from gaiectl.cli.named_stack import MaybeName, MaybeNamespace
from gaiectl.cli.options import examples
from gaiectl.cli.shared_options import Command
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.errors import GaieError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "upgrade",
        short_help="Change a stack that is installed.",
        epilog=examples(
            "gaiectl upgrade llm -n llm --epp-config epp.yaml",
            "gaiectl upgrade llm --set inferenceExtension.replicas=2 --dry-run server",
            "gaiectl upgrade --stack gaie.yaml",
        ),
    )(_without_path(upgrade))


def _without_path(command: Command) -> Command:
    """Take the argument PATH from a command, for what is installed has one; say where it looks."""
    signature = inspect.signature(command)
    here = {"name": MaybeName, "namespace": MaybeNamespace}
    kept = [
        one.replace(annotation=here.get(one.name, one.annotation))
        for one in signature.parameters.values()
        if one.name != "path"
    ]

    @wraps(command)
    def run(**given: Any) -> Any:
        return command(path=None, **given)

    run.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined] # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in kept}
    return run


@takes_stack
@takes_cluster
@takes_installing
def upgrade(
    wanted: Wanted,
    where: Where,
    installing: Installing,
    reset_values: Annotated[
        bool,
        typer.Option("--reset-values", help="Forget the values and --set of before."),
    ] = False,
) -> None:
    """Change a stack that is installed: options of before stay unless they are given again.

    -f and --set are added to those of before; --stack stands for all options. gaiectl rollback
    undoes an upgrade.
    """
    from gaiectl.cluster.failures import ApiError, Unreachable
    from gaiectl.operations.history import revisions
    from gaiectl.operations.kept_options import continued
    from gaiectl.operations.releasing import release_of
    from gaiectl.operations.which import name_of, one

    given = wanted.given
    source = wanted.inputs().source
    written = source.value if source else {}
    cluster = where.cluster(given["namespace"] or written.get("namespace") or "")
    try:
        stack = one(cluster, given["name"] or written.get("name") or "")
    except (ApiError, Unreachable):
        raise
    except GaieError as error:
        error.hint = f"{error.hint}; gaiectl install brings a new one"
        raise
    there = revisions(cluster, stack)
    kept = there[-1].options() if there else {}
    told = f"revision {there[-1].number}" if there else f"{name_of(stack)}, without a revision,"
    flags = {"name": name_of(stack), "namespace": stack.parent.namespace}
    with tempfile.TemporaryDirectory(prefix="gaiectl-") as folder:
        inputs = wanted.inputs()
        inputs = inputs._replace(flags={**inputs.flags, **flags})
        wanted.use(continued(kept, inputs, told, Path(folder), is_reset=reset_values))
        is_release = bool(release_of(cluster, stack))
        bring(cluster, wanted, installing, cause="upgrade", as_helm=is_release, of=stack.uid)
