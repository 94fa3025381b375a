"""``gaiectl epp``: check configurations of the Endpoint Picker, and say what can stand in them.

``epp.config`` is imported inside the commands: ``--help`` must not wait for it.
"""

import json
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli import epp_convert, epp_explain
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.named_stack import NamespaceOption
from gaiectl.cli.options import Output, OutputOption, examples, output
from gaiectl.console import answers, terminal
from gaiectl.errors import GaieError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from epp.config import TypeEntry
    from gaiectl.cluster.api import Cluster
    from gaiectl.console.epp_problems import Report

app = typer.Typer(
    name="epp",
    help="Check Endpoint Picker configurations, look up what can stand in them, try them out.",
    short_help="Check and try out Endpoint Picker configurations.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class For(StrEnum):
    """Releases that a configuration can be for."""

    PYTHON = "python"
    GAIE_13 = "gaie-1.3"
    GAIE_14 = "gaie-1.4"
    GAIE_15 = "gaie-1.5"
    LLM_D_09 = "llm-d-0.9"


ForOption = Annotated[
    For, typer.Option("--for", help="Whose rules count: this EPP's, or a Go EPP's of a release.")
]


@app.command(
    short_help="Check configurations: places, codes, hints.",
    epilog=examples(
        "gaiectl epp validate config.yaml",
        "gaiectl epp validate --for gaie-1.4 configmap.yaml values.yaml",
        "gaiectl epp validate ConfigMap/llm-epp -n llm",
        "gaiectl epp validate - -o sarif < config.yaml > epp.sarif",
    ),
)
@takes_cluster
def validate(  # noqa: PLR0917 - each is an option of the command line
    where: Where,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="File (a configuration, manifests with ConfigMaps, or values of a chart), - for "
            "stdin, or ConfigMap/NAME or ConfigMap/NAME.KEY of the cluster.",
        ),
    ],
    release: ForOption = For.PYTHON,
    form: Annotated[
        Output,
        output(
            *(Output.TEXT, Output.JSON, Output.YAML, Output.SARIF, Output.GITHUB), what="the report"
        ),
    ] = Output.TEXT,
    namespace: NamespaceOption = "",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
) -> None:
    """Check configurations, and name every problem with its place, a code and what to do."""
    from gaiectl.console import epp_problems

    reach = partial(where.cluster, namespace)
    reports = [one for name in inputs for one in _reports(name, release, reach, strict)]
    is_own = release is For.PYTHON
    if form in (Output.JSON, Output.YAML):
        answer = json.loads(epp_problems.as_json(reports, release))
        shown = answers.text(answer, as_yaml=form is Output.YAML)
    elif form is Output.SARIF:
        shown = _sarif(reports)
    elif form is Output.GITHUB:
        shown = epp_problems.as_github(reports)
    else:
        shown = epp_problems.as_text(reports, "" if is_own else _title(release))
    if shown:
        terminal.data(shown)
    if failed := sum(report.fails for report in reports):
        raise GaieError(
            f"{failed} of {len(reports)} configurations cannot be used"
            if len(reports) > 1
            else "the configuration cannot be used",
            hint="correct what is listed and run the command again",
        )


def _reports(
    name: str,
    release: For,
    reach: "Callable[[], Cluster]",
    strict: bool,  # noqa: FBT001 - passed on from the command line
) -> "list[Report]":
    from epp.config import RELEASES, ConfigError, check
    from gaiectl.console.epp_problems import Report
    from gaiectl.operations.epp_inputs import configurations

    try:
        found = configurations(name, reach)
    except ConfigError as error:
        return [Report(name, name, error.problems, fails=True)]
    failing = {"error", "warning"} if strict else {"error"}
    reports = []
    for one in found:
        checked = check(one.text, one.file, RELEASES[release])
        problems = [*one.remarks, *map(one.located, checked)]
        fails = any(problem.severity in failing for problem in problems)
        reports.append(Report(one.title, one.file, problems, fails))
    return reports


def _sarif(reports: "list[Report]") -> str:
    from importlib.metadata import version

    from epp.config.codes import CODES
    from gaiectl.console.epp_problems import as_sarif

    return as_sarif(reports, dict(CODES), version("gaiectl"))


def _title(release: For) -> str:
    from epp.config import RELEASES

    return RELEASES[release].title


@app.command(short_help="List the codes of problems.", epilog=examples("gaiectl epp codes"))
def codes(output: OutputOption = Output.TEXT) -> None:
    """List the codes of problems, which are the same in every release of gaiectl."""
    from epp.config.codes import CODES
    from gaiectl.console.tables import table

    if output is not Output.TEXT:
        answers.show(dict(CODES), as_yaml=output is Output.YAML)
    else:
        terminal.data(table(("code", "meaning"), list(CODES.items())))


@app.command(
    short_help="Print the JSON Schema, for editors.",
    epilog=examples("gaiectl epp schema > epp.schema.json", "gaiectl epp schema --for gaie-1.5"),
)
def schema(release: ForOption = For.PYTHON) -> None:
    """Print the JSON Schema of EndpointPickerConfig, for editors."""
    from epp.config import RELEASES
    from epp.config import schema as make_schema

    terminal.data(json.dumps(make_schema(release=RELEASES[release]), indent=2))


@app.command(
    short_help="List plugin types, or show one.",
    epilog=examples(
        "gaiectl epp plugins",
        "gaiectl epp plugins prefix-cache-scorer",
        "gaiectl epp plugins -o json",
    ),
)
def plugins(
    kind: Annotated[
        str, typer.Argument(metavar="[TYPE]", help="Show all of one type.", show_default=False)
    ] = "",
    release: ForOption = For.PYTHON,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the plugin types, or show what one does, its parameters and when to use it."""
    from gaiectl.console import epp_plugins

    entries = _entries(kind, release)
    if output is not Output.TEXT:
        listed = [epp_plugins.as_json(entry) for entry in entries]
        answers.show({"plugins": listed}, as_yaml=output is Output.YAML)
    elif kind:
        terminal.data(epp_plugins.page(entries[0]))
    else:
        terminal.data(epp_plugins.overview(entries))


def _entries(kind: str, release: For) -> "list[TypeEntry]":
    from epp.config import RELEASES, catalogue
    from epp.reading.suggest import suggest

    wanted = RELEASES[release]
    entries = [
        e if wanted.is_own or wanted.calls_deprecated(e.type) else e._replace(successors=())
        for e in catalogue()
        if wanted.is_own or wanted.has_type(e.type)
    ]
    if not kind:
        return entries
    found = [entry for entry in entries if entry.type == kind]
    if not found:
        hint = suggest(kind, [entry.type for entry in entries])
        hint = hint if hint.startswith("did you mean") else "gaiectl epp plugins lists them"
        of_whom = "" if wanted.is_own else f" in {wanted.title}"
        raise UsageError(f"there is no plugin type {kind!r}{of_whom}", hint=hint)
    return found


epp_convert.register(app)
epp_explain.register(app)
