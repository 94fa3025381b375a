"""The options of a measurement: what the verbs ``test`` take behind ``--perf``."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaiectl.cli.options import seconds
from gaiectl.cli.shared_options import Command, shares
from gaiectl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaiectl.checks.perf.limits import Limit
    from gaiectl.checks.perf.load import Load, Step

_MOST_AT_ONCE = 1000
_MOST_RATE = 10_000.0
_MOST_STEPS = 100
_MOST_TOKENS = 1_000_000
_MOST_HELD = 20_000_000
"""Tokens of prompts that are held at once, a few bytes each."""


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
    perf_limit: Annotated[
        list[str],
        typer.Option(
            metavar="TIME-pN=T",
            help="Slower in a step: exit code 1. TIME is ttft, itl or e2e: ttft-p95=500ms. "
            "Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies it
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

    @property
    def limits(self) -> "Sequence[Limit]":
        """How long things may take.

        Raises:
            UsageError: one is no limit.
        """
        return [_limit(text) for text in self._given["perf_limit"]]

    def load(self, others: "Mapping[str, object]") -> "Load | None":
        """Return what to send, after making sure that all can be written in the end.

        None if nothing is to be measured.

        Args:
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
        for one in self.limits:
            if why := self._unmeasured(one.time):
                limited = f"--perf-limit {one.time}-p{one.percent}"
                raise UsageError(
                    f"{limited}: with {why} nothing of that is measured",
                    hint=f"leave {why} out, or limit e2e-p{one.percent}",
                )
        for option, file in self.files.items():
            if not file.absolute().parent.is_dir():
                raise UsageError(
                    f"{option} {file}: there is no folder {file.absolute().parent}",
                    hint="make it, or name a file somewhere else",
                )
        if given["perf_plot"]:
            from gaiectl.console import perf_plot

            perf_plot.require(given["perf_plot"])
        load = Load(
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
        _require_room(load)
        return load

    def _unmeasured(self, time: str) -> str:
        """Return the option that leaves a time unknown; empty for none."""
        if time != "e2e" and not self._given["perf_stream"]:
            return "--no-perf-stream"
        is_alone = self._given["perf_answer_tokens"] == 1
        return "--perf-answer-tokens 1" if time == "itl" and is_alone else ""

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
    value = seconds(text, option)
    if value <= 0:
        raise UsageError(f"{option} {text} is no time", hint=f"write {option} 10s")
    return value


def _require_room(load: "Load") -> None:
    """Make sure that this machine can hold what is to be sent.

    Raises:
        UsageError: the prompts are too many, or too long.
    """
    beginnings = load.prefixes * load.prompt_tokens * load.shared
    at_once = max(
        step.concurrency or min(step.rate * load.request_seconds, _MOST_AT_ONCE)
        for step in load.steps
    )
    many = "--perf-rate" if load.steps[0].rate else "--perf-concurrency"
    for tokens, option in (
        (beginnings, "--perf-prefixes"),
        (at_once * load.prompt_tokens, many),
    ):
        if tokens > _MOST_HELD:
            raise UsageError(
                f"{tokens:.3g} tokens of prompts would be held at once, of which there is room for "
                f"{_MOST_HELD:.3g}",
                hint=f"give less of {option} or --perf-prompt-tokens",
            )


def _limit(text: str) -> "Limit":
    from gaiectl.checks.perf.limits import Limit, parse

    found = parse(text)
    if found is None:
        raise UsageError(
            f"--perf-limit {text!r} is no limit",
            hint="write ttft-p95=500ms: to the first token (ttft), between tokens (itl) or to the "
            "end (e2e), and which percentile",
        )
    time, percent, duration = found
    return Limit(time, percent, _positive(f"--perf-limit {time}-p{percent}", duration))
