"""A local stack's endpoints while it runs: redrawn on a terminal, lines of change elsewhere."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gaiectl.console import terminal
from gaiectl.console.tables import table
from gaiectl.local.figures import Figures

if TYPE_CHECKING:
    from rich.live import Live

HEADERS = ("name", "address", "running", "waiting", "kv use", "hit rate", "served")


class Board(AbstractContextManager["Board"]):
    """Shows the figures; used as a context, because a terminal has to be given back."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._live: Live | None = None
        self._shown: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        if terminal.is_terminal():
            # rich costs 50 ms: only who has something to redraw pays for it.
            from rich.console import Console  # noqa: PLC0415 - see above
            from rich.live import Live  # noqa: PLC0415 - see above

            console = Console(stderr=True, markup=False, highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._stack.enter_context(self._live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def show(self, figures: Sequence[Figures]) -> None:
        """Show these figures instead of those before."""
        if self._live is not None:
            from rich.text import Text  # noqa: PLC0415 - see __enter__

            self._live.update(Text(table(HEADERS, [row(one) for one in figures])), refresh=True)
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
