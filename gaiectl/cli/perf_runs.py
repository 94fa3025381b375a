"""Measuring a gateway: what the verbs ``test`` have in common where ``--perf`` is given."""

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.check_runs import ReportForm
from gaiectl.cli.options import seconds
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import Exit, GaieError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaiectl.checks.perf.load import Load, Step
    from gaiectl.checks.perf.prefix_hits import Witness
    from gaiectl.checks.perf.run import Run
    from gaiectl.checks.perf.steps import Progress
    from gaiectl.checks.target import Target
    from gaiectl.cli.interruptions import Interruptions

_MOST_AT_ONCE = 1000
_MOST_RATE = 10_000.0
_MOST_STEPS = 100
_MOST_TOKENS = 1_000_000
_LARGEST_REPORT = 1 << 26
_TICK_SECONDS = 0.5


def _options(  # noqa: PLR0917 - each is an option of the command line
    perf: Annotated[
        bool,
        typer.Option("--perf", help="Measure, and make no checks."),
    ] = False,
    perf_concurrency: Annotated[
        str,
        typer.Option(metavar="N,...", help="Requests under way, step by step."),
    ] = "1,2,4,8",
    perf_rate: Annotated[
        str,
        typer.Option(
            metavar="X,...",
            help="Requests a second, step by step, whatever is under way.",
        ),
    ] = "",
    perf_duration: Annotated[
        str, typer.Option(metavar="10s", help="How long each step is.")
    ] = "10s",
    perf_requests: Annotated[
        int, typer.Option(metavar="N", help="So many requests in each step, instead.", min=0)
    ] = 0,
    perf_prompt_tokens: Annotated[
        int,
        typer.Option(metavar="N", help="About how long prompts are.", min=1, max=_MOST_TOKENS),
    ] = 256,
    perf_answer_tokens: Annotated[
        int, typer.Option(metavar="N", help="How long answers are.", min=1, max=_MOST_TOKENS)
    ] = 64,
    perf_shared: Annotated[
        int,
        typer.Option(metavar="PERCENT", help="Of each prompt, what others share.", min=0, max=100),
    ] = 50,
    perf_prefixes: Annotated[
        int,
        typer.Option(metavar="N", help="How many such beginnings there are.", min=1, max=10_000),
    ] = 8,
    perf_stream: Annotated[
        bool,
        typer.Option("--perf-stream/--no-perf-stream", help="Let answers come token by token."),
    ] = True,
    perf_request_timeout: Annotated[
        str, typer.Option(metavar="60s", help="A request that takes longer has failed.")
    ] = "60s",
    perf_success: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", help="Fewer answered in a step: exit code 1.", min=0, max=100
        ),
    ] = 99.0,
    perf_csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a line for each step there.")
    ] = None,
    perf_plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it there: .png or .svg.")
    ] = None,
    perf_compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="BEFORE AFTER", help="Only compare two reports that -o json wrote."),
    ] = None,
) -> None:
    """Hold the options; never called."""


class Perf:
    """What the options say.

    Args:
        given: values of the options by their parameter names.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    @property
    def compared(self) -> tuple[Path, Path] | None:
        """The reports to compare."""
        compared: tuple[Path, Path] | None = self._given["perf_compare"]
        return compared

    @property
    def is_wanted(self) -> bool:
        """It is to be measured."""
        return bool(self._given["perf"])

    @property
    def threshold(self) -> float:
        """The part of the requests that have to be answered."""
        return float(self._given["perf_success"]) / 100

    @property
    def files(self) -> "Mapping[str, Path]":
        """Where to write, by option."""
        names = {"--perf-csv": "perf_csv", "--perf-plot": "perf_plot"}
        return {option: self._given[at] for option, at in names.items() if self._given[at]}

    def load(self, output: ReportForm, others: "Mapping[str, object]") -> "Load | None":
        """Return what to send, after making sure that all can be written in the end.

        None if nothing is to be measured.

        Args:
            output: the form of the report.
            others: values of options that belong to checks, by their names.

        Raises:
            UsageError: the options make no sense.
        """
        from gaiectl.checks.perf.load import Load

        given = self._given
        if not self.is_wanted:
            self._refuse_alone()
            return None
        if names := [name for name, value in others.items() if value]:
            raise UsageError(f"--perf makes no checks: {', '.join(names)}", hint="leave one out")
        if output is ReportForm.JUNIT:
            raise UsageError("a measurement has no JUnit form", hint="take -o json")
        for option, file in self.files.items():
            if not file.absolute().parent.is_dir():
                raise UsageError(
                    f"{option} {file}: there is no folder {file.absolute().parent}",
                    hint="make it, or name a file somewhere else",
                )
        if given["perf_plot"]:
            from gaiectl.console import perf_plot

            perf_plot.require(given["perf_plot"])
        return Load(
            steps=_steps(given["perf_concurrency"], given["perf_rate"]),
            seconds=_positive("--perf-duration", given["perf_duration"]),
            requests=given["perf_requests"],
            prompt_tokens=given["perf_prompt_tokens"],
            answer_tokens=given["perf_answer_tokens"],
            shared=given["perf_shared"] / 100,
            prefixes=given["perf_prefixes"],
            streams=given["perf_stream"],
            request_seconds=_positive("--perf-request-timeout", given["perf_request_timeout"]),
        )

    def _refuse_alone(self) -> None:
        defaults = inspect.signature(_options).parameters
        for name, value in self._given.items():
            if value != defaults[name].default:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is about a measurement", hint=f"add --perf to {option}")


def takes_perf(command: Command) -> Command:
    """Give a command the options of a measurement, after its own; it gets them as ``perf``."""
    run = shares(_options, "perf", Perf)(command)
    options = inspect.signature(_options).parameters
    own = inspect.signature(run).parameters.values()
    last = inspect.Signature(sorted(own, key=lambda option: option.name in options))
    run.__signature__ = last  # type: ignore[attr-defined] # what typer reads
    return run


def measure(
    perf: Perf,
    load: "Load",
    target: "Target",
    output: ReportForm,
    heard: "Interruptions",
    *,
    about: "Mapping[str, str]",
    limit: float,
    servers: "Mapping[str, Witness] | None" = None,
) -> int:
    """Measure a gateway, write what came out, and return the exit code.

    Args:
        perf: the options.
        load: what to send.
        target: the gateway and what stands behind it.
        output: the form of the report.
        heard: knows the exit code of an interruption.
        about: says in the report what was measured.
        limit: seconds that it may take.
        servers: the metrics of model servers by name, where they are not at the endpoint's URL.
    """
    import asyncio
    from datetime import UTC, datetime

    from gaiectl.checks.perf.run import Run
    from gaiectl.checks.perf.steps import Cut
    from gaiectl.checks.perf.steps import measure as take

    started = datetime.now(UTC).isoformat(timespec="seconds")

    async def go() -> "tuple[list[Any], Cut]":
        shown = _Shown()
        try:
            return await take(
                target, load, seconds=limit, begins=shown.begin, ends=shown.end, servers=servers
            )
        finally:
            shown.stop()

    results, cut = asyncio.run(go())
    run = Run(
        about={**about, "model": target.model, "gateway": target.gateway_url, "startedAt": started},
        load=load.as_json(),
        results=results,
        cut=cut,
        threshold=perf.threshold,
    )
    _write(run, perf, output)
    if cut is Cut.INTERRUPTED:
        return heard.code
    if run.missed or not results:
        return Exit.FAILED
    return Exit.TIMED_OUT if cut else Exit.OK


def compare(paths: tuple[Path, Path], output: ReportForm) -> int:
    """Compare two reports; the exit code is 1 if anything is worse.

    Raises:
        UsageError: they cannot be read, or have no step in common.
    """
    from gaiectl.checks.perf import comparison
    from gaiectl.checks.perf.load import differences
    from gaiectl.console import perf_table, terminal

    before, after = map(_read, paths)
    for difference in differences(before.load, after.load):
        terminal.say(f"warning: these are different loads: {difference}")
    found = comparison.compare(before, after)
    if not found:
        raise UsageError(
            "the two have no step in common",
            hint="measure both with the same --perf-concurrency or --perf-rate",
        )
    if output is ReportForm.JSON:
        terminal.data(json.dumps([_as_json(one) for one in found], indent=2))
    else:
        terminal.data(perf_table.comparison(found))
        terminal.data("\n" + perf_table.comparison_summary(found))
    is_worse = any(one.verdict is comparison.Verdict.WORSE for one in found)
    return Exit.FAILED if is_worse else Exit.OK


class _Shown:
    """Shows how far it is."""

    def __init__(self) -> None:
        self._task: Any = None

    def begin(self, progress: "Progress") -> None:
        import asyncio

        from gaiectl.console import terminal

        async def show() -> None:
            while True:
                result = progress.tally.result
                failed = f", {result.begun - result.succeeded} failed" if result.failures else ""
                terminal.show_progress(
                    f"step {progress.number}/{progress.of}, {result.step.words}: "
                    f"{result.succeeded} answered{failed}"
                )
                await asyncio.sleep(_TICK_SECONDS)

        self._task = asyncio.get_running_loop().create_task(show())

    def end(self, result: Any) -> None:
        from gaiectl.console import perf_table, terminal

        self.stop()
        terminal.say(perf_table.line(result))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _write(run: "Run", perf: Perf, output: ReportForm) -> None:
    from gaiectl.checks.perf.run import as_csv
    from gaiectl.console import perf_table, terminal

    if output is ReportForm.JSON:
        terminal.data(json.dumps(run.as_json(), indent=2))
    else:
        terminal.data(perf_table.tables(run))
        terminal.data("\n" + perf_table.summary(run))
    files = perf.files
    if file := files.get("--perf-csv"):
        try:
            file.write_text(as_csv(run), encoding="utf-8")
        except OSError as error:
            raise GaieError(
                f"the table cannot be written to {file}: {error.strerror}",
                hint="name a file in a folder that exists and that you may write to",
            ) from error
    if file := files.get("--perf-plot"):
        from gaiectl.console import perf_plot

        if any(one.succeeded for one in run.results):
            perf_plot.write(run, file)
        else:
            terminal.say(f"nothing was answered, so there is nothing to draw in {file}")


def _read(file: Path) -> "Run":
    from gaiectl.checks.perf.distribution import Malformed
    from gaiectl.checks.perf.run import Run

    hint = "name two files that gaiectl test --perf -o json wrote"
    try:
        with file.open("rb") as source:
            text = source.read(_LARGEST_REPORT + 1)
        if len(text) > _LARGEST_REPORT:
            raise UsageError(f"{file} is larger than {_LARGEST_REPORT >> 20} MiB", hint=hint)
        return Run.from_json(json.loads(text))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not JSON: {error}", hint=hint) from error
    except Malformed as error:
        raise UsageError(f"{file} is no report of a measurement: {error}", hint=hint) from error


def _as_json(one: Any) -> dict[str, Any]:
    return {
        "step": one.step.label,
        "figure": one.name,
        "before": one.before,
        "after": one.after,
        "change": one.change,
        "verdict": one.verdict,
    }


def _steps(concurrency: str, rate: str) -> "tuple[Step, ...]":
    from gaiectl.checks.perf.load import Step

    if rate:
        rates = _listed("--perf-rate", rate, _MOST_RATE)
        return tuple(Step(rate=one) for one in rates)
    counts = _listed("--perf-concurrency", concurrency, _MOST_AT_ONCE)
    if any(one != int(one) for one in counts):
        raise UsageError(
            f"--perf-concurrency {concurrency}: requests are whole", hint="write 1,2,4,8"
        )
    return tuple(Step(concurrency=int(one)) for one in counts)


def _listed(option: str, text: str, most: float) -> list[float]:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or len(values) > _MOST_STEPS or not all(0 < one <= most for one in values):
        raise UsageError(
            f"{option} {text!r} is no list of numbers above 0, up to {most:g}",
            hint=f"write {option} 1,2,4,8",
        )
    if len(set(values)) != len(values):
        raise UsageError(f"{option} {text}: a number is there twice", hint="leave one out")
    return values


def _positive(option: str, text: str) -> float:
    value = seconds(text)
    if value <= 0:
        raise UsageError(f"{option} {text} is no time", hint=f"write {option} 10s")
    return value
