"""``gaiectl check``: whether a cluster is fit for a stack, and a stack fit for requests."""

import difflib
import inspect
import time
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import Output, examples, output
from gaiectl.cli.stack_options import PATHS, Wanted, takes_stack
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.stack.model import PathName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaiectl.checks.cluster.check import Stage
    from gaiectl.checks.cluster.report import Report, Result
    from gaiectl.checks.cluster.scene import Scene
    from gaiectl.cluster.api import Cluster
    from gaiectl.documents import Document
    from gaiectl.plan import Plan


_NAME = "llm"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "check",
        short_help="Say what stands in the way of a stack.",
        epilog=examples(
            "gaiectl check",
            "gaiectl check standalone --model-server sim --include-crds",
            "gaiectl check llm -n llm --post",
            "gaiectl check --stack gaie.yaml --pre -o junit > report.xml",
        ),
    )(_with_any_name(check))


@takes_stack
@takes_cluster
def check(  # noqa: PLR0917 - each is an option of the command line
    wanted: Wanted,
    where: Where,
    pre: Annotated[bool, typer.Option("--pre", help="Check before an installation.")] = False,
    post: Annotated[bool, typer.Option("--post", help="Check what is installed.")] = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="Only say which checks there are.")
    ] = False,
    form: Annotated[
        Output, output(Output.TEXT, Output.JSON, Output.YAML, Output.JUNIT, what="the report")
    ] = Output.TEXT,
) -> int:
    """Say what stands in the way of a stack, or what is wrong with one that is installed.

    Nothing is changed. What is not said with --pre or --post follows from whether the stack is
    there. Exit code 1 when a check failed, 2 when none could be made; warnings are no failures.
    """
    from gaiectl.checks.cluster.check import Stage

    if pre and post:
        raise UsageError("--pre and --post are two checks", hint="make one after the other")
    stage = Stage.PRE if pre else Stage.POST if post else None
    if show_list:
        return _list(stage, form)
    began = time.monotonic()
    try:
        scene = _scene(wanted, where, stage)
    except GaieError as error:
        _not_begun(error, stage or Stage.PRE, form)
        error.code = Exit.USAGE
        raise
    report = _run(scene, form, began)
    return Exit.OK if report.is_success else Exit.FAILED


def _with_any_name(command: Callable[..., int]) -> Callable[..., int]:
    """Let the first argument be the name of a stack too: one that is there needs no path."""
    given = inspect.signature(command).parameters["path"]
    path = Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help=f"{PATHS}: what is to come.",
            autocompletion=completion.paths_and_stacks,
        ),
    ]

    def run(**arguments: Any) -> int:
        first = arguments["path"]
        if first is not None and first not in list(PathName):
            if arguments["name"] is not None:
                raise UsageError(
                    f"{first!r} is no path", hint=f"choose one of {', '.join(PathName)}"
                )
            arguments |= {"path": None, "name": first}
        elif first is not None:
            arguments["path"] = PathName(first)
        return command(**arguments)

    signature = inspect.signature(command)
    replaced = [
        one.replace(annotation=path) if one.name == given.name else one
        for one in signature.parameters.values()
    ]
    run.__doc__ = command.__doc__
    run.__signature__ = signature.replace(parameters=replaced)  # type: ignore[attr-defined] # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in replaced}
    return run


def _list(stage: "Stage | None", form: Output) -> int:
    from gaiectl.checks.cluster.catalog import ALL
    from gaiectl.console import answers, cluster_report, terminal

    chosen = [one for one in ALL if stage is None or stage in one.stages]
    if form is not Output.TEXT:
        known = [
            {
                "id": one.id,
                "category": one.category,
                "title": one.title,
                "proves": one.proves,
                "severity": str(one.severity),
                "stages": sorted(one.stages),
            }
            for one in chosen
        ]
        answers.show(known, as_yaml=form is Output.YAML)
    else:
        terminal.data(cluster_report.listing(chosen))
    return Exit.OK


def _scene(wanted: Wanted, where: Where, stage: "Stage | None") -> "Scene":
    from gaiectl.checks.cluster import scenes
    from gaiectl.checks.cluster.check import Stage
    from gaiectl.operations.render import render

    given = wanted.given
    cluster = where.cluster(given["namespace"] or "")
    has_stack = given["stack"] is not None or given["path"] is not None
    plan: Plan | None = None
    documents: Sequence[Document] = ()
    name, namespace = given["name"] or "", cluster.namespace
    if has_stack:
        if given["stack"] is None:
            given["namespace"] = namespace
        rendered = render(wanted.plan(), wanted.helm())
        plan, documents = rendered.plan, rendered.documents
        name, namespace = plan.name, plan.namespace
    if stage is Stage.PRE:
        return _before(cluster, plan, documents, name, namespace)
    inventory = scenes.find(cluster, name, namespace, is_needed=stage is Stage.POST)
    if inventory is not None:
        return scenes.after(cluster, inventory, rendered=documents)
    if name and not has_stack:
        meant = difflib.get_close_matches(name, list(PathName), n=1)
        raise GaieError(
            f"there is no stack {name} in namespace {namespace}",
            hint=f"did you mean the path {meant[0]}?"
            if meant
            else "name its namespace with -n; gaiectl check --pre PATH looks at what is to come",
        )
    return _before(cluster, plan, documents, name, namespace)


def _before(
    cluster: "Cluster",
    plan: "Plan | None",
    documents: "Sequence[Document]",
    name: str,
    namespace: str,
) -> "Scene":
    from gaiectl.checks.cluster import scenes
    from gaiectl.checks.cluster.scene import LackingImage
    from gaiectl.operations.image_presence import missing_images

    return scenes.before(
        cluster,
        name=name or _NAME,
        namespace=namespace,
        plan=plan,
        documents=documents,
        missing_images=lambda: [
            LackingImage(one.reason, one.hint, not one.have)
            for one in missing_images(cluster, documents)
        ],
    )


def _not_begun(error: GaieError, stage: "Stage", form: Output) -> None:
    """Write a report for programs too: who reads it sees a failure, not an absence of failures."""
    from gaiectl.checks.cluster.report import not_begun

    if form is not Output.TEXT:
        _write(not_begun(error, stage), form)


def _write(report: "Report", form: Output) -> None:
    from gaiectl.checks.junit import suite_of
    from gaiectl.console import answers, cluster_report, terminal

    if form in (Output.JSON, Output.YAML):
        answers.show(report.as_json(), as_yaml=form is Output.YAML)
    elif form is Output.JUNIT:
        about = {"context": report.context, "server": report.server, "namespace": report.namespace}
        terminal.data(suite_of(report.cases(), "gaiectl.check", about))
    else:
        terminal.data("\n" + cluster_report.summary(report))


def _run(scene: "Scene", form: Output, began: float) -> "Report":
    from gaiectl.checks.cluster.catalog import ALL
    from gaiectl.checks.cluster.report import Report
    from gaiectl.checks.cluster.run import run
    from gaiectl.console import cluster_report, terminal

    checks = [one for one in ALL if scene.stage in one.stages]
    connection = scene.cluster.connection
    what = "before an installation" if scene.is_before else f"stack {scene.name}"
    terminal.say(f"checking {connection.context}, namespace {scene.namespace}: {what}")
    results: list[Result] = []
    made = run(checks, scene, begins=lambda one: terminal.show_progress(f"{one.id} {one.title}"))
    for _, group in groupby(made, key=lambda one: one.check.category):
        told = list(group)
        if form is Output.TEXT:
            terminal.data(("\n" if results else "") + cluster_report.category(told))
        results += told
    report = Report(
        stage=scene.stage,
        name=scene.name if scene.documents else "",
        namespace=scene.namespace,
        context=connection.context,
        server=connection.server,
        results=results,
        seconds=time.monotonic() - began,
    )
    _write(report, form)
    return report
