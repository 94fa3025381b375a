"""Figures, their targets, and how a run is told: an 80-column table or JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

_WIDTHS = (37, 12, 15)


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure should keep.

    Attributes:
        bound: in the figure's unit.
        is_upper: the figure should be at most this; otherwise at least.
    """

    bound: float
    is_upper: bool = True

    def is_met(self, value: float) -> bool:
        """Tell whether the value keeps the bound."""
        return value <= self.bound if self.is_upper else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.is_upper else '>='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity; what counts is the median of its runs.

    Attributes:
        case: number of the benchmark case.
        key: stable name for programs.
        title: name for people, at most 34 characters.
        unit: of the values; empty for a ratio.
        runs: one value per run, in order.
        target: what to reach; None for a figure that only explains others.
    """

    case: int
    key: str
    title: str
    unit: str
    runs: tuple[float, ...]
    target: Target | None = None

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or nothing."""
        if self.target is None:
            return ""
        return "met" if self.target.is_met(self.value) else "missed"

    def as_json(self) -> dict[str, object]:
        """Return the figure for programs."""
        return {
            "case": self.case,
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "value": self.value,
            "runs": list(self.runs),
            "target": str(self.target) if self.target else None,
            "met": self.target.is_met(self.value) if self.target else None,
        }


def as_json(machine: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Return the whole run as JSON."""
    return json.dumps(
        {"machine": dict(machine), "figures": [figure.as_json() for figure in figures]}, indent=2
    )


def as_table(machine: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Return the whole run as a table fit for 80 columns."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()), ""]
    lines.append(_row("", "median", "lowest-highest", "target"))
    for number in sorted({figure.case for figure in figures}):
        lines += ["", f"({number}) {(CASES | ENDURANCE)[number]}"]
        lines += [_line(figure) for figure in figures if figure.case == number]
    missed = sum(figure.verdict == "missed" for figure in figures)
    aims = sum(figure.target is not None for figure in figures)
    lines += ["", f"{aims - missed} of {aims} targets met"]
    return "\n".join(lines)


CASES = {
    1: "72-token completions, 4 endpoints, queue + KV-cache + prefix scorers",
    2: "100k-token prompts, answers streamed in 1000 events",
    3: "100 endpoints with 54 KB of metrics each",
    4: "requests per second, beside Envoy without the EPP",
    5: "one scheduling decision among 1000 endpoints",
    6: "memory of the EPP",
}
"""What run.py measures."""

ENDURANCE = {
    7: "streams held open (endurance.py)",
    8: "memory over many requests (endurance.py)",
    11: "decisions in-process, 1000 endpoints (endurance.py)",
    10: "CPU of a short request by plugins, 20 endpoints (endurance.py)",
    9: "CPU of all processes of the EPP, without Envoy (endurance.py)",
}
"""What endurance.py measures."""


def _line(figure: Figure) -> str:
    unit = f" {figure.unit}" if figure.unit else ""
    spread = f"{_number(min(figure.runs))}-{_number(max(figure.runs))}"
    aim = f"{figure.target} {figure.verdict}" if figure.target else ""
    return _row(f"  {figure.title}", _number(figure.value) + unit, spread, aim)


def _row(title: str, value: str, spread: str, aim: str) -> str:
    first, second, third = _WIDTHS
    return f"{title:<{first}}{value:>{second}}{spread:>{third}}  {aim}".rstrip()


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.1 else f"{value:.2g}"
