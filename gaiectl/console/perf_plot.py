"""A measurement as a picture: latencies and throughput over the load.

Lines are told apart by their marks and dashes, not by colour alone; each axis names its unit.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaiectl.checks.perf.run import Run
from gaiectl.checks.perf.tally import Result
from gaiectl.console.tables import shortened
from gaiectl.errors import GaieError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
FORMS = (".png", ".svg")

# Okabe and Ito's colours, which people who see fewer colours can tell apart too.
_PERCENTILES = (
    (50, "o", "-", "#0072B2"),
    (90, "s", "--", "#D55E00"),
    (99, "^", ":", "#009E73"),
)
_PANELS = (
    ("first", "Time to first token"),
    ("gaps", "From token to token"),
    ("whole", "Whole answer"),
)


def require(file: Path) -> None:
    """Make sure that a picture can be written there in the end.

    Raises:
        UsageError: it has another form, there is no such folder, or matplotlib is missing.
    """
    if file.suffix.lower() not in FORMS:
        raise UsageError(
            f"--perf-plot {file}: pictures are {' or '.join(FORMS)}",
            hint=f"call it {file.with_suffix('.svg').name}",
        )
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - it takes a second; it may be missing
    except ImportError as error:
        raise UsageError(
            f"--perf-plot needs matplotlib, which cannot be imported: {error}",
            hint="pip install 'gaiectl[plot]'",
        ) from error


def write(run: Run, file: Path) -> None:
    """Write the picture of a measurement with one step at least.

    Raises:
        GaieError: it cannot be written.
    """
    figure = _drawn(run)
    try:
        with warnings.catch_warnings(action="ignore"):  # of letters that the font does not have
            figure.savefig(file, format=file.suffix[1:].lower(), dpi=150)
    except OSError as error:
        raise GaieError(
            f"the picture cannot be written to {file}: {error.strerror}",
            hint="name a file in a folder that exists and that you may write to",
        ) from error


def _drawn(run: Run) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415 - see require
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - see require

    results = [one for one in run.results if one.succeeded]
    figure = Figure(figsize=(10, 7.2), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    panels = figure.subplots(2, 2, sharex=False).flatten()
    for panel, (at, title) in zip(panels, _PANELS, strict=False):
        _latency(panel, results, at, title)
    _throughput(panels[3], results)
    for panel in panels:
        _dress(panel, run.results)
    figure.suptitle(_title(run), fontsize=12, ha="left", x=0.01, parse_math=False)
    if handles := panels[2].get_legend_handles_labels():
        figure.legend(*handles, loc="outside upper right", ncols=3, frameon=False, fontsize=10)
    figure.supxlabel(_note(run), fontsize=8, color="0.3", x=0.01, ha="left")
    return figure


def _latency(panel: "Axes", results: Sequence[Result], at: str, title: str) -> None:
    panel.set_title(title, loc="left", fontsize=11)
    panel.set_ylabel("milliseconds")
    slowest = 0.0
    for percent, mark, dash, colour in _PERCENTILES:
        points = [
            (_place(one), value * 1000)
            for one in results
            if (value := getattr(one, at).quantile(percent / 100)) is not None
        ]
        if points:
            slowest = max(slowest, *(value for _, value in points))
            panel.plot(
                *zip(*points, strict=True),
                marker=mark,
                linestyle=dash,
                color=colour,
                label=f"p{percent}",
            )
    said = "" if panel.lines else "answers did not stream"
    if panel.lines and not slowest:
        said = "no time between: each answer came as a whole"
        panel.set_yticks([0])
    panel.text(0.5, 0.5, said, transform=panel.transAxes, ha="center", color="0.3")


def _throughput(panel: "Axes", results: Sequence[Result]) -> None:
    panel.set_title("Throughput, and requests/s at each point", loc="left", fontsize=11)
    panel.set_ylabel("answer tokens per second")
    points = [(_place(one), one.tokens_out_rate) for one in results]
    if not points:
        return
    panel.plot(*zip(*points, strict=True), marker="D", linestyle="-", color="#000000")
    before = -1.0
    for number, (point, one) in enumerate(zip(points, results, strict=True)):
        # Nothing is in the way to the left, above a rising line and below a falling one.
        align, across = ("right", -7) if number else ("center", 0)
        offset = (across, 7 if point[1] >= before else -13)
        text, before = f"{one.requests_rate:.3g}/s", point[1]
        panel.annotate(text, point, offset, textcoords="offset points", ha=align, fontsize=8)


def _dress(panel: "Axes", results: Sequence[Result]) -> None:
    is_open = any(one.step.rate for one in results)
    places = sorted({_place(one) for one in results})
    panel.set_xlabel("requests sent per second" if is_open else "requests under way")
    if len(places) > 1 and places[-1] / places[0] >= 4:
        panel.set_xscale("log", base=2)
    panel.set_xticks(places, [f"{place:g}" for place in places])
    panel.minorticks_off()
    panel.margins(x=0.06, y=0.15)
    panel.set_ylim(bottom=0)
    panel.grid(axis="y", color="0.88", linewidth=0.8)
    panel.spines[["top", "right"]].set_visible(False)


def _place(result: Result) -> float:
    return result.step.rate or float(result.step.concurrency)


def _title(run: Run) -> str:
    whose = {"stack": run.about.get("name"), "model": run.about.get("model")}
    return "Latency and throughput: " + ", ".join(
        f"{kind} {shortened(name, 44, mark=_ELLIPSIS)}" for kind, name in whose.items() if name
    )


def _note(run: Run) -> str:
    load = run.load
    failed = sum(one.begun - one.succeeded for one in run.results)
    begun = sum(one.begun for one in run.results)
    parts = [
        str(run.about.get("startedAt", "")).replace("T", " ").replace("+00:00", " UTC"),
        f"prompts of about {load.get('promptTokens')} tokens",
        f"answers of {load.get('answerTokens')}",
        f"{failed} of {begun} requests failed" if failed else f"{begun} requests, none failed",
        f"cut short: {run.cut}" if run.cut else "",
    ]
    return "; ".join(filter(None, parts))
