"""``gaiectl local status``."""

import typer

from gaiectl.cli.options import NameOption, Output, OutputOption, examples
from gaiectl.errors import Exit
from gaiectl.local import DEFAULT_NAME, named


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        "status",
        epilog=examples(
            "gaiectl local status", "gaiectl local status -o json | jq -r .gateway.url"
        ),
    )(status)


def status(name: NameOption = DEFAULT_NAME, output: OutputOption = Output.TEXT) -> int:
    """Show a stack and its parts. Exit code 1 when a part is dead."""
    from gaiectl.console import answers, errors, terminal
    from gaiectl.console.tables import table
    from gaiectl.local import stack

    report = stack.get(name).status()
    if output is not Output.TEXT:
        answers.show(report.as_json(), as_yaml=output is Output.YAML)
    else:
        state, bad = report.state, {*report.dead, *report.unready}
        epp = f"127.0.0.1:{state.ports.epp_grpc}"
        rows = [
            ("envoy", state.gateway_url, report.envoy_pid, "envoy" not in bad),
            ("epp", epp, report.epp_pid, "epp" not in bad),
            *((e.name, e.url, e.pid, e.is_ready) for e in report.endpoints),
        ]
        terminal.data(table(("part", "address", "pid", "ready"), rows))
    for part, lines in report.dead.items():
        if lines:
            terminal.say(f"last lines of {part}:\n{lines}")
        errors.show_lines(
            f"{part} was killed" if part in report.state.killed else f"{part} has ended",
            f"gaiectl local start {part}{named(name)}",
        )
    for part in report.unready:
        errors.show_lines(
            f"{part} runs but does not do its work", f"gaiectl local logs {part}{named(name)}"
        )
    if report.condition == "starting":
        errors.show_lines(
            f"stack {name!r} is being started, or its start was cut off",
            f"gaiectl local up{named(name)}",
        )
    return Exit.OK if report.is_healthy else Exit.FAILED
