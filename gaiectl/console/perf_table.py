"""A measurement, and two side by side, as text for stdout: 80 columns suffice."""

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gaiectl.checks.perf.comparison import Difference, Verdict
from gaiectl.checks.perf.distribution import Distribution
from gaiectl.checks.perf.run import Run
from gaiectl.checks.perf.tally import Hits, Result
from gaiectl.console import terminal
from gaiectl.console.tables import shortened

if TYPE_CHECKING:
    from gaiectl.checks.perf.load import Step

_GAP = "  "
_PERCENTS = (50, 90, 99)
_MOST_ENDPOINTS = 20
_FEW = 100
"""Of fewer requests the 99th percentile is simply the slowest one."""

_BUSY_CORES = 0.7
_LATE_SECONDS = 0.005
_NOTHING = "-"
_ALWAYS = {"TTFT p50", "ITL p50", "E2E p50", "tokens/s out", "answered"}
"""Figures of a comparison that are shown even if they are the same."""


def tables(run: Run) -> str:
    """Return what was measured."""
    results = run.results
    blocks = [_latencies(results), _throughput(results), _endpoints(results), *_remarks(run)]
    return "\n\n".join(filter(None, blocks))


def summary(run: Run) -> str:
    """Return the last line, and one for each step that came to less than it has to."""
    begun = sum(one.begun for one in run.results)
    succeeded = sum(one.succeeded for one in run.results)
    name = "failed" if run.missed or not run.results else "warning" if run.cut else "done"
    text = f"{succeeded} of {begun} requests answered"
    missed = [f"{one.step.words}: {one.seen}; wanted: {one.wanted}" for one in run.missed]
    return "\n  ".join([f"{terminal.symbol(name, sys.stdout)} {text}", *missed])


def line(result: Result) -> str:
    """Return one step in a line, for those who wait."""
    time = f", {_ms(result.whole, 0.5)} ms each" if result.succeeded else ""
    return f"{result.step.words}: {result.succeeded} of {result.begun} answered{time}"


def comparison(differences: Sequence[Difference]) -> str:
    """Return two measurements side by side: what matters most, and what differs."""
    rows = []
    seen: Step | None = None
    shown = [one for one in differences if one.verdict != Verdict.SAME or one.name in _ALWAYS]
    for one in shown:
        step = "" if one.step == seen else one.step.label
        seen = one.step
        change = _NOTHING if one.change is None else f"{one.change * 100:+.1f} %"
        rows.append([step, one.name, *_both(one), change, _marked(one.verdict)])
    table = _table(["LOAD", "FIGURE", "BEFORE", "AFTER", "CHANGE", "VERDICT"], rows, left=(1, 5))
    rest = len(differences) - len(shown)
    return table + (f"\n\n{rest} more are the same: -o json has them all" if rest else "")


def comparison_summary(differences: Sequence[Difference]) -> str:
    """Return the last line of a comparison."""
    counts = Counter(one.verdict for one in differences)
    name = "failed" if counts[Verdict.WORSE] else "done"
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{terminal.symbol(name, sys.stdout)} {said}"


def _latencies(results: Sequence[Result]) -> str:
    streams = any(one.first.count for one in results)
    heads = ["LOAD"]
    for name in ("TTFT", "ITL", "E2E") if streams else ("E2E",):
        heads += [f"{name} P50", "P90", "P99"]
    rows = []
    for one in results:
        kinds = (one.first, one.gaps, one.whole) if streams else (one.whole,)
        cells = [_ms(kind, percent / 100) for kind in kinds for percent in _PERCENTS]
        rows.append([one.step.label, *cells])
    words = "to the first token (TTFT), between tokens (ITL), " if streams else ""
    return f"{_heading('Milliseconds')} {words}to the end (E2E)\n{_table(heads, rows)}"


def _throughput(results: Sequence[Result]) -> str:
    heads = [
        "LOAD",
        "ANSWERED",
        "FAILED",
        "REQ/S",
        "TOK/S IN",
        "TOK/S OUT",
        "PREFIX HITS",
        "CLIENT",
    ]
    rows = [
        [
            one.step.label,
            str(one.succeeded),
            str(one.begun - one.succeeded),
            *map(_figure, (one.requests_rate, one.tokens_in_rate, one.tokens_out_rate)),
            _percent(_best(one).part),
            _percent(one.client_cpu),
        ]
        for one in results
    ]
    return f"{_heading('Throughput')} of whole answers\n{_table(heads, rows)}"


def _endpoints(results: Sequence[Result]) -> str:
    total: Counter[str] = Counter()
    for one in results:
        total.update(one.endpoints)
    if not set(total) - {""}:
        return ""
    names = [name for name, _ in total.most_common(_MOST_ENDPOINTS)]
    cells = [
        [
            _percent(one.endpoints[name] / one.succeeded if one.succeeded else None)
            for one in results
        ]
        for name in names
    ]
    room = shutil.get_terminal_size().columns if terminal.is_terminal(sys.stdout) else 1000
    width = max(room - len(results) * (len(_GAP) + 5), 16)
    mark = terminal.ellipsis(sys.stdout)
    rows = [
        [shortened(name or "(not told)", width, mark), *parts]
        for name, parts in zip(names, cells, strict=True)
    ]
    heads = ["LOAD", *(one.step.label for one in results)]
    more = f"\nand {len(total) - len(names)} more" if len(total) > len(names) else ""
    return f"{_heading('Answers')} by endpoint\n{_table(heads, rows, left=(0,))}{more}"


def _remarks(run: Run) -> Iterator[str]:
    lines = []
    for one in run.results:
        for failure, count in one.failures.most_common():
            said = one.said.get(failure)
            times = f"{count} times" if count > 1 else "once"
            lines.append(f"{one.step.words}: {failure}, {times}" + (f" ({said})" if said else ""))
    if lines:
        yield "\n".join([_heading("Failures"), *lines])
    notes = [f"cut short: {run.cut}; the last step is not a whole one"] if run.cut else []
    if any(0 < one.succeeded < _FEW for one in run.results):
        notes.append(f"where fewer than {_FEW} requests were answered, P99 is the slowest one")
    if any(set(one.endpoints) == {""} for one in run.results):
        notes.append("the answers do not say which endpoint they come from (x-inference-pod)")
    notes += _of_hits(run.results)
    late = [one for one in run.results
            if one.client_cpu > _BUSY_CORES or _lag(one) > _LATE_SECONDS]  # fmt: skip
    if late:
        steps = ", ".join(one.step.words for one in late)
        worst = max(map(_lag, late)) * 1000
        notes.append(
            f"this client was too busy to be exact, up to {worst:.0f} ms late (p99): {steps}"
        )
    if notes:
        yield "\n".join(map(_remark, notes))


def _of_hits(results: Sequence[Result]) -> Iterator[str]:
    if any(not one.servers.told_by and one.picker.part is not None for one in results):
        yield "prefix hits are what the endpoint picker expects: no model server tells its own"
    partly = [one.servers for one in results if 0 < one.servers.told_by < one.servers.of]
    if partly:
        yield f"prefix hits are of {partly[0].told_by} of {partly[0].of} model servers"


def _remark(text: str) -> str:
    """Return a remark; a terminal gets it in lines that fit, all else in one line."""
    is_seen = terminal.is_terminal(sys.stdout)
    width = max(shutil.get_terminal_size().columns, 20) if is_seen else sys.maxsize
    sign = f"{terminal.symbol('warning', sys.stdout)} "
    indent = " " * (3 if "!!" in sign else 2)
    lines = textwrap.wrap(text, width - len(indent), break_on_hyphens=False)
    return sign + f"\n{indent}".join(lines)


def _lag(result: Result) -> float:
    return result.client_lag.quantile(0.99) or 0.0


def _best(result: Result) -> Hits:
    return result.servers if result.servers.told_by else result.picker


def _heading(text: str) -> str:
    return terminal.paint(text, "bold", sys.stdout)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = ()) -> str:
    """Return a table whose numbers end below each other; columns in ``left`` are texts."""
    lines = [heads, *rows]
    widths = [max(len(row[n]) for row in lines) for n in range(len(heads))]
    return "\n".join(
        _GAP.join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in lines
    )


def _ms(times: Distribution, part: float) -> str:
    value = times.quantile(part)
    return _NOTHING if value is None else _figure(value * 1000)


def _figure(value: float) -> str:
    """Write three digits at least, and no more than are sure."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _percent(part: float | None) -> str:
    return _NOTHING if part is None else f"{part * 100:.0f} %"


def _both(one: Difference) -> list[str]:
    values = (one.before, one.after)
    if one.is_time:
        return [_NOTHING if v is None else f"{_figure(v * 1000)} ms" for v in values]
    if one.name == "answered":
        return [_percent(v) for v in values]
    return [_NOTHING if v is None else _figure(v) for v in values]


def _marked(verdict: Verdict) -> str:
    colours = {Verdict.BETTER: "green", Verdict.WORSE: "red"}
    return terminal.paint(verdict, colours[verdict], sys.stdout) if verdict in colours else verdict
