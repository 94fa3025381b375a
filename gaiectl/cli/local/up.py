"""``gaiectl local up``."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.interruptions import Interruptions
from gaiectl.cli.options import (
    NameOption,
    Output,
    OutputOption,
    examples,
    seconds,
)
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.local import DEFAULT_NAME, named
from gaiectl.rendering.envoy import BodyMode

if TYPE_CHECKING:
    from gaiectl.local.stack import Stack
    from gaiectl.local.state import Setup


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "up",
        epilog=examples(
            "gaiectl local up",
            "gaiectl local up -d --replicas 5 --port 8080",
            "gaiectl local up --endpoint http://10.0.0.1:8000 --model llama",
            "gaiectl local up --sim-arg=--inter-token-latency=0s --config epp.yaml",
        ),
    )(up)


def up(  # noqa: PLR0917 - each is an option of the command line
    name: NameOption = DEFAULT_NAME,
    replicas: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=100, help="How many simulators.  [default: 3]"),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A running model server, instead of simulators."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL", help="A model the servers have; the simulators' first one is the base."
        ),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A LoRA adapter of the simulators.  [default: adapter-a, adapter-b]",
        ),
    ] = None,
    config: Annotated[
        str,
        typer.Option(metavar="FILE", help="EndpointPickerConfig of the EPP, or preset:NAME."),
    ] = "",
    port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port of the gateway; 0: a free one."),
    ] = 0,
    body_mode: Annotated[
        BodyMode, typer.Option(help="How the endpoint picker sees bodies.")
    ] = BodyMode.BUFFERED,
    fail_open: Annotated[
        bool,
        typer.Option(
            "--fail-open/--fail-closed",
            help="Without the endpoint picker: route anyway, or answer 503.",
        ),
    ] = False,
    epp_command: Annotated[
        str, typer.Option(metavar="CMD", help="Another endpoint picker; its flags are added.")
    ] = "",
    detach: Annotated[
        bool, typer.Option("-d", "--detach", help="Return as soon as it is ready.")
    ] = False,
    sim_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARG",
            help="An argument of gaiectl sim, for every simulator: --sim-arg=--seed=1.",
        ),
    ] = None,
    envoy_path: Annotated[
        str,
        typer.Option(metavar="PATH", help="Envoy to use, before GAIECTL_ENVOY, PATH, the wheel."),
    ] = "",
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Worker threads of Envoy.")
    ] = 2,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the start may take.")
    ] = "60s",
    output: OutputOption = Output.TEXT,
) -> int:
    """Start a gateway and prove it with a request.

    Runs Envoy, the endpoint picker and simulated model servers, or uses the servers of --endpoint.
    Stays in the foreground and stops everything on Ctrl-C, unless -d is given. If the stack runs
    already, nothing is changed.

    --endpoint, --model, --lora and --sim-arg can be given several times.
    """
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack
    from gaiectl.local.state import ADAPTERS, Setup

    if endpoint and (replicas is not None or sim_arg or lora):
        raise UsageError(
            "--endpoint names model servers that run already; --replicas, --lora and --sim-arg are "
            "for simulators",
            hint="leave out one or the other",
        )
    if "" in (*(model or ()), *(lora or ())):
        raise UsageError("--model and --lora need a name", hint="leave out the empty one")
    setup = Setup(
        models=tuple(model or ()),
        replicas=3 if replicas is None else replicas,
        adapters=tuple(lora or ADAPTERS),
        endpoints=tuple(endpoint or ()),
        config=config,
        port=port,
        body_mode=body_mode,
        fail_open=fail_open,
        epp_command=_command(epp_command),
        envoy=envoy_path,
        concurrency=concurrency,
        sim_args=tuple(sim_arg or ()),
    )
    stopped = Interruptions()
    try:
        one, started = stack.bring_up(name, setup, Narration(), timeout_seconds=seconds(timeout))
        if started.is_new and not detach:
            return _stay(one, output, stopped)
        if not started.is_new:
            _tell_what_stays(one, setup)
        _announce(one, output)
    except KeyboardInterrupt:
        return stopped.code
    return Exit.OK


def _tell_what_stays(one: "Stack", asked: "Setup") -> None:
    from dataclasses import fields

    from gaiectl.console import terminal

    has, untold = one.state.setup, type(asked)()
    terminal.say(f"stack {one.name!r} is running; nothing was changed")
    ignored = [
        field.name.replace("_", " ")
        for field in fields(asked)
        if getattr(asked, field.name) not in (getattr(untold, field.name), getattr(has, field.name))
    ]
    if ignored:
        terminal.say(
            f"it keeps its own {', '.join(ignored)}; for others: "
            f"gaiectl local down{named(one.name)}, then up again"
        )


def _announce(one: "Stack", output: Output) -> None:
    from gaiectl.console import answers, terminal

    if output is not Output.TEXT:
        answers.show(one.status().as_json(), as_yaml=output is Output.YAML)
        return
    url = one.gateway_url
    body = json.dumps({"model": one.model, "prompt": "Hello", "max_tokens": 16})
    terminal.data(
        f"gateway: {url}\n"
        "try it:\n"
        f"  curl {url}/v1/completions -H 'content-type: application/json' "
        f"-d {shlex.quote(body)}"
    )


def _stay(one: "Stack", output: Output, stopped: Interruptions) -> int:
    """Show the stack until it ends or is to end; whatever goes wrong here, it is taken down."""
    from gaiectl.console import terminal

    try:
        return _watch(one, output)
    except KeyboardInterrupt:
        try:
            one.down()
        except KeyboardInterrupt:
            one.down(drain_seconds=0)
        terminal.say(f"stack {one.name!r} is down")
        return stopped.code
    except BaseException:  # a part died, or nobody reads our output any more
        one.down()
        raise


def _watch(one: "Stack", output: Output) -> int:
    from gaiectl.console import terminal
    from gaiectl.console.live import Board
    from gaiectl.local.foreground import watch

    try:
        _announce(one, output)
        terminal.say("press Ctrl-C to stop it")
        with Board() as board:
            for figures in watch(one):
                board.show(figures)
    except KeyboardInterrupt:
        terminal.say("stopping; press Ctrl-C again to cut requests off")
        raise
    terminal.say(f"stack {one.name!r} was taken down")
    return Exit.OK


def _command(text: str) -> tuple[str, ...]:
    import shutil

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--epp-command {text!r}: {error}", hint="quote it as in a shell"
        ) from error
    if words and shutil.which(words[0]) is None:
        raise GaieError(
            f"--epp-command: {words[0]!r} is not a program",
            hint="give its path, and make it executable",
        )
    return tuple(words)
