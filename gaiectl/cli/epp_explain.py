"""``gaiectl epp explain`` and ``replay``: try a configuration out without sending anything."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gaiectl.cli import completion
from gaiectl.cli.cluster_options import Where, takes_cluster
from gaiectl.cli.options import NameOption, Output, OutputOption, examples, output
from gaiectl.console import answers, terminal
from gaiectl.errors import Exit, GaieError, UsageError

HeaderOption = Annotated[
    list[str] | None,
    typer.Option("-H", "--header", metavar="NAME=VALUE", help="Header of the request; repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(
        "explain",
        short_help="Show where a request would go, and why.",
        epilog=examples(
            "gaiectl epp explain config.yaml --request body.json --endpoints pods.yaml",
            "gaiectl epp explain --live local --request body.json",
            "gaiectl epp explain --live deploy/llm-epp -n serving --request body.json",
            "curl -s http://127.0.0.1:9090/debug/state > now.json && \\",
            "  gaiectl epp explain new.yaml --request body.json --endpoints now.json",
        ),
    )(explain)
    app.command(
        "replay",
        short_help="Compare configurations on recorded decisions.",
        epilog=examples(
            "curl -s http://127.0.0.1:9090/debug/decisions.jsonl > decisions.jsonl",
            "gaiectl epp replay decisions.jsonl --config old.yaml --config new.yaml",
        ),
    )(replay)


@takes_cluster
def explain(  # noqa: PLR0917 - options of a command line
    where: Where,
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="EndpointPickerConfig, or preset:NAME, to ask offline."
        ),
    ] = None,
    request: Annotated[
        str, typer.Option("--request", metavar="FILE", help="Body of the request; - is stdin.")
    ] = "",
    endpoints: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The endpoints and their figures: YAML, the file of file-discovery, or what "
            "/debug/state shows.",
        ),
    ] = None,
    header: HeaderOption = None,
    priority: Annotated[
        int | None, typer.Option(metavar="N", help="Priority of the request, offline; else 0.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of chance between equals, offline; else 0.")
    ] = None,
    live: Annotated[
        str,
        typer.Option(
            metavar="URL|local|KIND/NAME|STACK",
            help="Ask a running EPP: at the URL of its metrics port, in a local stack, or in the "
            "cluster: deploy/NAME, pod/NAME or svc/NAME, with :PORT if need be; or a stack's name.",
        ),
    ] = "",
    namespace: Annotated[
        str | None,
        typer.Option(
            *("-n", "--namespace"),
            metavar="NS",
            help="Of what --live names in the cluster.",
            autocompletion=completion.namespaces,
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Show the metrics port in the cluster a token of this account."
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Token for the metrics port.")
    ] = None,
    name: NameOption = "default",
    form: Annotated[
        Output, output(Output.TEXT, Output.WIDE, Output.JSON, Output.YAML)
    ] = Output.TEXT,
) -> int:
    """Show where a request would go, and why: every filter, score and weight, nothing is sent."""
    from epp.config import ConfigError
    from gaiectl.console.epp_record import shown
    from gaiectl.operations import epp_live, epp_trial

    if bool(live) == bool(config):
        raise UsageError(
            "give a configuration, or ask a running EPP", hint="name a FILE, or use --live"
        )
    if not request:
        raise UsageError("no request is given", hint="add --request body.json, or - for stdin")
    _refuse_strangers(
        {"--endpoints": endpoints, "--priority": priority, "--seed": seed}
        if live
        else {"--token-file": token_file},
        "a running EPP goes by its own" if live else "--token-file belongs to --live",
    )
    is_in_cluster = epp_live.is_in_cluster(live)
    if not is_in_cluster:
        _refuse_strangers(
            {"--namespace": namespace, "--service-account": service_account, **where.named()},
            "it belongs to --live deploy/NAME, which asks an EPP in the cluster",
        )
    headers, body = _headers(header or ()), epp_trial.read_body(request, sys.stdin)
    if config is not None:
        if endpoints is None:
            raise UsageError("no endpoints are given", hint="add --endpoints endpoints.yaml")
        try:
            record = epp_trial.explain_offline(
                config, body, endpoints, headers=headers, priority=priority or 0, seed=seed or 0
            )
        except ConfigError as error:
            raise _unusable(error) from None
    else:
        token = epp_live.read_token(token_file) if token_file else ""
        with ExitStack() as reached:
            if is_in_cluster:
                forwarded = epp_live.in_cluster(
                    *(live, partial(where.cluster, namespace or "")),
                    account=service_account or "",
                    token=token,
                )
                page = reached.enter_context(forwarded)
            else:
                url = epp_live.local_url(name) if live == epp_live.LOCAL else live
                page = epp_live.at_url(url, token)
            record = epp_live.explain(page, body, headers=headers)
    if form in (Output.TEXT, Output.WIDE):
        terminal.data(shown(record, is_wide=form is Output.WIDE))
    else:
        answers.show(record, as_yaml=form is Output.YAML)
    return Exit.OK if record.get("decision") else Exit.FAILED


def replay(
    log: Annotated[
        Path,
        typer.Argument(metavar="LOG", help="Decision records, one in JSON on each line."),
    ],
    configs: Annotated[
        list[Path], typer.Option("--config", metavar="FILE", help="Who decides; repeatable.")
    ],
    differences: Annotated[
        int, typer.Option(min=0, metavar="N", help="Examples of differences to show.")
    ] = 5,
    output: OutputOption = Output.TEXT,
) -> None:
    """Compare configurations on recorded decisions: what changes, and who would get how much.

    An EPP with --decision-records-share 0.01 keeps the decisions on one in a hundred requests, and
    on those with the header x-gateway-inference-explain: true, and shows the latest 1000 at
    /debug/decisions.jsonl.
    """
    from epp.config import ConfigError
    from gaiectl.console.epp_record import compared
    from gaiectl.operations import epp_trial

    try:
        comparison = epp_trial.compare_on_log(log, configs, differences)
    except ConfigError as error:
        raise _unusable(error) from None
    for title, names in zip(comparison.titles, comparison.unknown, strict=True):
        for name in names:
            text = f"the log tells nothing of what {name!r} of {title} goes by: it likes all alike"
            terminal.say(f"{terminal.paint('warning:', 'yellow')} {text}")
    if output is Output.TEXT:
        terminal.data(compared(comparison))
    else:
        answers.show(json.loads(epp_trial.as_json(comparison)), as_yaml=output is Output.YAML)


def _refuse_strangers(given: Mapping[str, object], hint: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} has no effect here", hint=hint)


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"{text!r} is no header", hint="write --header name=value")
        headers[name.lower()] = value
    return headers


def _unusable(error: Exception) -> GaieError:
    return GaieError(
        "the input cannot be used",
        hint="correct what is listed; gaiectl epp validate checks configurations",
        detail=str(error),
    )
