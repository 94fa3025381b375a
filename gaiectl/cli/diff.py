"""``gaiectl diff``: what an installation would change."""

from typing import Annotated

import typer

from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import Output, examples, output
from gaiectl.cli.stack_options import Wanted, takes_stack
from gaiectl.errors import Exit, GaieError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "diff",
        short_help="Show what an installation would change.",
        epilog=examples(
            "gaiectl diff standalone llm -n llm --model-server sim",
            "gaiectl diff --stack gaie.yaml -o json | jq -r '.changes[].object'",
        ),
    )(diff)


@takes_stack
@takes_cluster
def diff(
    wanted: Wanted,
    where: Where,
    form: Annotated[
        Output, output(Output.TEXT, Output.JSON, Output.YAML, Output.NAME, what="the differences")
    ] = Output.TEXT,
) -> int:
    """Show what an installation would change. Exit code 0: nothing, 1: something, 2: an error."""
    try:
        return _diff(wanted, where, form)
    except GaieError as error:
        error.code = Exit.USAGE  # as diff and kubectl do: 1 says that there are differences
        raise


def _diff(wanted: Wanted, where: Where, form: Output) -> int:
    from gaiectl.console import answers, differences, terminal
    from gaiectl.operations.diff import diff as compare
    from gaiectl.operations.fitting import fitted
    from gaiectl.operations.render import render

    cluster = where.cluster(wanted.given["namespace"] or "")
    plan = wanted.plan(default_namespace=cluster.namespace)
    rendered = render(plan, wanted.helm())
    documents, left_out = fitted(cluster, rendered.documents)
    changes, notes = compare(cluster, plan.name, plan.namespace, documents)
    for note in (*left_out, *notes):
        terminal.say(f"note: {note}")
    if form in (Output.JSON, Output.YAML):
        answer = differences.as_json(changes, plan.name, plan.namespace)
        answers.show(answer, as_yaml=form is Output.YAML)
    elif form is Output.NAME:
        for change in changes:
            if change.verb != "unchanged":
                terminal.data(change.who.title)
    else:
        differences.show(changes)
    terminal.say(f"{plan.name}: {differences.summary(changes)}")
    return Exit.OK if all(change.verb == "unchanged" for change in changes) else Exit.FAILED
