"""A local stack's endpoints while it runs: redrawn on a terminal, lines of change elsewhere."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from gaiectl.console import terminal
from gaiectl.console.redrawn import Redrawn
from gaiectl.console.tables import table
from gaiectl.local.figures import Figures

HEADERS = ("name", "address", "running", "waiting", "kv use", "hit rate", "served")


class Board(AbstractContextManager["Board"]):
    """Shows the figures; used as a context, because a terminal has to be given back."""

    def __init__(self) -> None:
        self._redrawn = Redrawn(sys.stderr, stays=False)
        self._shown: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        self._redrawn.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._redrawn.__exit__(kind, error, trace)

    def show(self, figures: Sequence[Figures]) -> None:
        """Show these figures instead of those before."""
        if self._redrawn.is_live:
            self._redrawn.show(table(HEADERS, [row(one) for one in figures]))
            return
        rows = {one.name: row(one)[1:] for one in figures}
        for name, values in rows.items():
            if self._shown.get(name) != values:
                pairs = zip(HEADERS[1:], values, strict=True)
                terminal.say(f"{name}: " + ", ".join(f"{key} {value}" for key, value in pairs))
        for name in self._shown.keys() - rows.keys():
            terminal.say(f"{name}: gone")
        self._shown = rows


def row(figures: Figures) -> tuple[str, ...]:
    """Return the cells of one endpoint."""
    if not figures.is_reachable:
        return (figures.name, _address(figures), *("-",) * (len(HEADERS) - 3), "no answer")
    return (
        figures.name,
        _address(figures),
        _number(figures.running),
        _number(figures.waiting),
        _percent(figures.kv_usage),
        _percent(figures.hit_rate),
        _number(figures.finished),
    )


def _address(figures: Figures) -> str:
    return figures.url.removeprefix("http://")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
