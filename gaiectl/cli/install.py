"""``gaiectl install``: a stack in a cluster."""

from typing import Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import examples
from gaiectl.cli.stack_options import Wanted, takes_stack


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "install",
        short_help="Bring a stack into a cluster.",
        epilog=examples(
            "gaiectl install standalone --model-server sim --include-crds",
            "gaiectl install inferencepool llm -n llm --model-server gpu --provider istio",
            "gaiectl install --stack gaie.yaml",
        ),
    )(install)


@takes_stack
@takes_cluster
def install(
    wanted: Wanted,
    where: Where,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,  # noqa: ARG001 - nothing is asked
) -> None:
    """Bring a stack into a cluster: checked as a whole first, then applied in phases."""
    from gaiectl.console.installing import Lines
    from gaiectl.operations.install import Wanted as Objects
    from gaiectl.operations.install import install as apply
    from gaiectl.operations.render import render

    cluster = where.cluster(wanted.given["namespace"] or "")
    if wanted.given["stack"] is None:
        wanted.given["namespace"] = cluster.namespace
    plan = wanted.plan()
    rendered = render(plan, wanted.helm())
    lines = Lines(notes=rendered.notes)
    outcome = apply(
        cluster,
        Objects(plan.name, plan.namespace, plan.path, rendered.documents),
        lines,
    )
    lines.done(plan.name, outcome)
