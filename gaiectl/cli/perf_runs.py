"""Measuring a gateway: what the verbs ``test`` have in common where ``--perf`` is given."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaiectl.cli.check_runs import Asked, ReportForm, keep
from gaiectl.cli.perf_options import Perf
from gaiectl.errors import Exit, GaieError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaiectl.checks.perf.load import Load
    from gaiectl.checks.perf.prefix_hits import Witness
    from gaiectl.checks.perf.run import Run
    from gaiectl.checks.perf.steps import Progress
    from gaiectl.checks.target import Target
    from gaiectl.cli.interruptions import Interruptions

_LARGEST_REPORT = 1 << 26
_TICK_SECONDS = 0.5
_SUITE = "gaiectl.perf"


def measure(
    perf: Perf,
    load: "Load",
    target: "Target",
    asked: Asked,
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
        asked: where the report goes.
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

    try:
        results, cut = asyncio.run(go())
    except GaieError as error:
        from gaiectl.checks.report import not_started

        asked.write(not_started(error), suite=_SUITE)
        raise
    run = Run(
        about={**about, "model": target.model, "gateway": target.gateway_url, "startedAt": started},
        load=load.as_json(),
        results=results,
        cut=cut,
        threshold=perf.threshold,
        limits=perf.limits,
    )
    _write(run, perf, asked)
    if cut is Cut.INTERRUPTED:
        return heard.code
    if run.missed or not results:
        return Exit.FAILED
    return Exit.TIMED_OUT if cut else Exit.OK


def compare(paths: tuple[Path, Path], output: ReportForm) -> int:
    """Compare two reports; the exit code is 1 if anything is worse.

    Raises:
        UsageError: they cannot be read, or have no step in common, or are to be JUnit.
    """
    from gaiectl.checks.perf import comparison
    from gaiectl.checks.perf.load import differences, shown
    from gaiectl.console import perf_table, terminal

    if output is ReportForm.JUNIT:
        raise UsageError("a comparison has no JUnit form", hint="take -o json")
    before, after = map(_read, paths)
    for path, run in zip(paths, (before, after), strict=True):
        if run.cut:
            terminal.say(f"warning: the measurement of {path} was cut short: {run.cut}")
    models = [run.about.get("model", "") for run in (before, after)]
    if models[0] != models[1]:
        terminal.say(f"warning: these are different models: {' and '.join(map(shown, models))}")
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


def _write(run: "Run", perf: Perf, asked: Asked) -> None:
    from gaiectl.checks.junit import suite_of
    from gaiectl.checks.perf.run import as_csv, cases
    from gaiectl.console import perf_table, terminal

    if not asked.put(suite_of(cases(run), _SUITE, run.about), run.as_json()):
        terminal.data(perf_table.tables(run))
        terminal.data("\n" + perf_table.summary(run))
    files = perf.files
    if file := files.get("--perf-csv"):
        keep("the table", as_csv(run), file)
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
