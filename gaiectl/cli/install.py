"""``gaiectl install``: a stack in a cluster."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.install_options import Installing, takes_installing
from gaiectl.cli.options import examples
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.errors import UsageError

if TYPE_CHECKING:
    from gaiectl.cluster.api import Cluster


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "install",
        short_help="Bring a stack into a cluster.",
        epilog=examples(
            "gaiectl install standalone --model-server sim --include-crds",
            "gaiectl install inferencepool llm -n llm --model-server gpu --provider istio",
            "gaiectl install inference-scheduling -n llm-d --profile wlp --include-crds",
            "gaiectl install --stack gaie.yaml --dry-run server",
            "gaiectl install --stack gaie.yaml --timeout 15m -o json",
            "gaiectl install standalone llm -n llm --selector app=vllm --as-helm",
        ),
    )(install)


@takes_stack
@takes_cluster
@takes_installing
def install(
    wanted: Wanted,
    where: Where,
    installing: Installing,
    as_helm: Annotated[
        bool, typer.Option("--as-helm", help="Make its chart a release of Helm's.")
    ] = False,
    print_commands: Annotated[
        bool,
        typer.Option("--print-commands", help="Print a script for helm and kubectl instead."),
    ] = False,
) -> None:
    """Bring a stack into a cluster: checked as a whole first, then applied in phases."""
    cluster = where.cluster(wanted.given["namespace"] or "")
    bring(cluster, wanted, installing, prints_commands=print_commands, as_helm=as_helm)


def bring(
    cluster: "Cluster",
    wanted: Wanted,
    installing: Installing,
    *,
    prints_commands: bool = False,
    cause: str = "install",
    as_helm: bool = False,
    of: str = "",
) -> None:
    """Render what is wanted and install it, or print commands that would.

    Args:
        cluster: where to.
        wanted: the stack.
        installing: how.
        prints_commands: do not install it.
        cause: why, for the stack's history.
        as_helm: its chart is to be a Helm release.
        of: uid of the inventory, if it is a change of this very stack.
    """
    from gaiectl.checks.cluster.before_install import require_fit
    from gaiectl.console import terminal
    from gaiectl.operations.fitting import fitted
    from gaiectl.operations.install import Wanted as Objects
    from gaiectl.operations.kept_options import keep
    from gaiectl.operations.render import render

    if prints_commands and not installing.is_plain:
        raise UsageError(
            "--print-commands prints a script: neither -o nor --dry-run changes it",
            hint="leave them out",
        )
    plan = wanted.plan(default_namespace=cluster.namespace)
    helm = wanted.helm()
    rendered = render(plan, helm)
    if prints_commands:
        from gaiectl.operations.commands import commands

        terminal.data(commands(plan).rstrip("\n"))
        return
    options = keep(wanted.inputs())
    documents, notes, part = rendered.documents, rendered.notes, None
    if as_helm:
        from gaiectl.operations.releasing import by_helm

        part = by_helm(plan, documents, helm, cluster.connection.access)
    if not installing.asks_nobody:
        documents, more = fitted(cluster, documents, part.holds if part else ())
        notes = (*notes, *more)
    objects = Objects(plan.name, plan.namespace, plan.path, documents, options, cause, part, of)
    objects = objects._replace(look_also=partial(require_fit, cluster, plan, documents))
    installing.carry_out(cluster, objects, notes)
