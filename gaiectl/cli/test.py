"""``gaiectl test``: whether a stack in a cluster does what it is for."""

import contextlib
import time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from gaiectl.cli import perf_runs
from gaiectl.cli.check_runs import Asked, ReportForm, show_each, takes_checks
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.installed_scene import scene_of
from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.named_stack import NameArgument, NamespaceOption
from gaiectl.cli.options import examples, seconds
from gaiectl.cli.perf_options import Perf, takes_perf
from gaiectl.errors import Exit, GaieError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gaiectl.checks.check import Check
    from gaiectl.checks.deployed.target import Deployed
    from gaiectl.checks.perf.load import Load
    from gaiectl.checks.report import Report
    from gaiectl.cluster.api import Cluster

_SUITE = "gaiectl.test"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "test",
        short_help="Prove that a stack does what it is for.",
        epilog=examples(
            "gaiectl test",
            "gaiectl test llm -n llm --disruptive",
            "gaiectl test llm --check completion --check streaming -o json",
            "gaiectl test llm --url https://llm.example.com --model llama --junit-file report.xml",
            "gaiectl test --perf --perf-concurrency 1,4,16 --perf-plot llm.png -o json > b.json",
            "gaiectl test --perf-compare a.json b.json",
        ),
    )(run_checks)


@takes_cluster
@takes_perf
@takes_checks
def run_checks(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    perf: Perf,
    asked: Asked,
    name: NameArgument = "",
    namespace: NamespaceOption = "",
    disruptive: Annotated[
        bool,
        typer.Option("--disruptive", help="Delete pods too, under load."),
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="To ask for.  [default: the first one served]")
    ] = "",
    url: Annotated[
        str, typer.Option(metavar="URL", help="Of the gateway.  [default: through a port-forward]")
    ] = "",
    timeout: Annotated[
        str, typer.Option(metavar="10m", help="How long all of it may take.")
    ] = "10m",
) -> int:
    """Prove that a stack routes, streams, balances and counts, by requests through its gateway.

    The way there is a port-forward: nothing is installed. Exit code 1 when a check failed, 2 when
    none could be made, 3 when the time did not suffice.

    --perf measures instead: times to the first token, between tokens and to the end, and
    throughput, while more and more requests are under way.
    """
    if perf.compared:
        return perf_runs.compare(perf.compared, asked.output)
    from gaiectl.checks.deployed.catalog import ALL
    from gaiectl.checks.report import Outcome, not_started

    _require_address(url)
    checks = asked.checks(ALL)
    if checks is None:
        return Exit.OK
    load = perf.load({"--check": asked.named, "--disruptive": disruptive})
    limit = seconds(timeout)
    heard = Interruptions()
    end = time.monotonic() + limit
    try:
        with contextlib.ExitStack() as leaving:
            try:
                target = leaving.enter_context(_reached(where.cluster(namespace), name, url, model))
            except GaieError as error:
                asked.write(not_started(error), suite=_SUITE, about=_KIND)
                error.code = Exit.USAGE
                raise
            if load is not None:
                left = end - time.monotonic()
                return _measure(perf, load, target, asked, heard, limit=left)
            report = _run(target, checks, asked.output, limit, may_disturb=disruptive)
            _write(report, target, asked)
    except KeyboardInterrupt:
        return heard.code
    if time.monotonic() > end and not report.count(Outcome.FAILED):
        return Exit.TIMED_OUT
    return Exit.OK if report.is_success else Exit.FAILED


def _require_address(url: str) -> None:
    """Make sure that a gateway's address is one that can be asked, and shown to everybody.

    Raises:
        UsageError: it is none, or holds a password.
    """
    hint = "write --url http://HOST:PORT, without a path of the API"
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        has_secret = "@" in parts.netloc
    except ValueError:
        is_one = has_secret = False
    if has_secret:
        raise UsageError("--url holds a password, which reports would show", hint=hint)
    if url and not is_one:
        raise UsageError(f"--url {url!r} is no address of a gateway", hint=hint)


@contextlib.contextmanager
def _reached(cluster: "Cluster", name: str, url: str, model: str) -> "Iterator[Deployed]":
    from gaiectl.checks.deployed.target import reach
    from gaiectl.console import terminal
    from gaiectl.operations.which import one

    terminal.show_progress("looking for the stack")
    scene = scene_of(cluster, one(cluster, name))
    terminal.show_progress("opening ways to its pods")
    with reach(scene, url=url, model=model) as target:
        by = target.door.what if target.door else target.gateway_url
        where = f"stack {scene.name} of namespace {scene.namespace}"
        terminal.say(f"asking {where} through {by}, model {target.model}")
        yield target


def _measure(
    perf: Perf,
    load: "Load",
    target: "Deployed",
    asked: Asked,
    heard: Interruptions,
    *,
    limit: float,
) -> int:
    from gaiectl.checks.perf.deployed import witnesses

    about = {"name": target.scene.name, "namespace": target.scene.namespace}
    return perf_runs.measure(
        perf,
        load,
        target,
        asked,
        heard,
        about=about,
        limit=limit,
        servers=witnesses(target),
    )


def _run(
    target: "Deployed",
    checks: "Sequence[Check]",
    output: ReportForm,
    limit: float,
    *,
    may_disturb: bool,
) -> "Report":
    import asyncio

    from gaiectl.checks.deployed.target import places
    from gaiectl.checks.report import Report
    from gaiectl.checks.runner import run

    results = asyncio.run(
        show_each(
            lambda begins: run(
                checks,
                target,
                begins=begins,
                places=places(target.scene),
                may_disturb=may_disturb,
                seconds=limit,
            ),
            len(checks),
            output,
        )
    )
    return Report(target.gateway_url, results)


def _write(report: "Report", target: "Deployed", asked: Asked) -> None:
    from gaiectl.console import check_report, terminal

    scene = target.scene
    about = {**_KIND, "name": scene.name, "namespace": scene.namespace, "model": target.model}
    asked.write(report, suite=_SUITE, about=about)
    if asked.output is ReportForm.TEXT:
        terminal.data("\n" + check_report.summary(report))


_KIND = {"apiVersion": "gaiectl/v1", "kind": "TestReport"}
