"""``gaiectl local up``."""

import json
import shlex
import signal
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from gaiectl.cli.options import (
    NameOption,
    Output,
    OutputOption,
    examples,
    seconds,
)
from gaiectl.errors import Exit, GaieError, UsageError
from gaiectl.local import DEFAULT_NAME
from gaiectl.rendering.envoy import BodyMode

if TYPE_CHECKING:
    from gaiectl.local.stack import Stack
    from gaiectl.local.start import Started
    from gaiectl.local.state import Setup


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "up",
        epilog=examples(
            "gaiectl local up",
            "gaiectl local up -d --replicas 5 --port 8080",
            "gaiectl local up --endpoint http://10.0.0.1:8000 --endpoint http://10.0.0.2:8000",
            "gaiectl local up --sim-arg=--time-to-first-token=200ms --config epp.yaml",
        ),
    )(up)


def up(  # noqa: PLR0917 - each is an option of the command line
    name: NameOption = DEFAULT_NAME,
    replicas: Annotated[
        int | None, typer.Option(min=1, max=100, help="How many simulators.  [default: 3]")
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A running model server, instead of simulators."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Name of a model the servers have."),
    ] = None,
    config: Annotated[
        str, typer.Option(metavar="FILE", help="EndpointPickerConfig of the endpoint picker.")
    ] = "",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gateway; 0 for a free one.")
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
        typer.Option(metavar="ARG", help="An argument for every simulator, as --sim-arg=--seed=1."),
    ] = None,
    envoy_path: Annotated[
        str,
        typer.Option(metavar="PATH", help="Envoy to use, before GAIECTL_ENVOY, PATH, the wheel."),
    ] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Worker threads of Envoy.")] = 2,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the start may take.")
    ] = "60s",
    output: OutputOption = Output.TEXT,
) -> int:
    """Start a gateway: Envoy, the endpoint picker and model servers; prove it with a request.

    Stays in the foreground and stops everything on Ctrl-C, unless -d is given. If the stack runs
    already, nothing is changed.
    """
    from gaiectl.console.narration import Narration
    from gaiectl.local import stack
    from gaiectl.local.state import Setup

    if endpoint and (replicas is not None or sim_arg):
        raise UsageError(
            "--endpoint names model servers that run already; --replicas and --sim-arg are for "
            "simulators",
            hint="leave out one or the other",
        )
    setup = Setup(
        models=tuple(model or ()),
        replicas=3 if replicas is None else replicas,
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
    stopped = _Stopped()
    try:
        one, started = stack.bring_up(name, setup, Narration(), timeout_seconds=seconds(timeout))
        _announce(one, started, output, setup)
        if detach or not started.is_new:
            return Exit.OK
        return _stay(one, stopped)
    except KeyboardInterrupt:
        return stopped.code


class _Stopped:
    """Turns SIGTERM and SIGHUP into a Ctrl-C, and remembers the exit code that belongs to it."""

    def __init__(self) -> None:
        self.code: int = Exit.INTERRUPTED
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._heard)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self.code = 128 + number
        raise KeyboardInterrupt


def _announce(one: "Stack", started: "Started", output: Output, asked: "Setup") -> None:
    from gaiectl.console import terminal

    if not started.is_new:
        terminal.say(f"stack {one.name!r} is running; nothing was changed")
        if asked.port and asked.port != started.state.ports.gateway:
            terminal.say(f"it keeps port {started.state.ports.gateway}, not {asked.port}")
    if output == Output.JSON:
        terminal.data(json.dumps(one.status().as_json(), indent=2))
        return
    url = started.state.gateway_url
    body = json.dumps({"model": one.model, "prompt": "Hello", "max_tokens": 16})
    terminal.data(
        f"gateway: {url}\n"
        "try it:\n"
        f"  curl {url}/v1/completions -H 'content-type: application/json' "
        f"-d {shlex.quote(body)}"
    )


def _stay(one: "Stack", stopped: _Stopped) -> int:
    from gaiectl.console import errors, terminal
    from gaiectl.console.live import Board
    from gaiectl.local.foreground import watch
    from gaiectl.local.parts import Died

    code: int
    try:
        terminal.say("press Ctrl-C to stop it")
        with Board() as board:
            for figures in watch(one):
                board.show(figures)
    except KeyboardInterrupt:
        code = stopped.code
        terminal.say("stopping; press Ctrl-C again to cut requests off")
    except Died as died:
        code = died.code
        errors.show(died)
    else:
        terminal.say(f"stack {one.name!r} was taken down")
        return Exit.OK
    try:
        one.down()
    except KeyboardInterrupt:
        one.down(drain_seconds=0)
    return code


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
