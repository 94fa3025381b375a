"""An answer that changes: redrawn on a terminal; elsewhere written again when it is another one."""

import sys
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gaiectl.console import terminal

if TYPE_CHECKING:
    from rich.live import Live


class Redrawn(AbstractContextManager["Redrawn"]):
    """Shows the latest text; used as a context, because a terminal has to be given back."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._live: Live | None = None
        self._shown = ""

    def __enter__(self) -> Self:
        if terminal.is_terminal(sys.stdout):
            # rich costs 50 ms: only who has something to redraw pays for it.
            from rich.console import Console  # noqa: PLC0415 - see above
            from rich.live import Live  # noqa: PLC0415 - see above

            console = Console(markup=False, highlight=False)
            # What is shown is made for the terminal, not for something that stands in front of it.
            self._live = Live(
                console=console,
                auto_refresh=False,
                vertical_overflow="crop",
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._stack.enter_context(self._live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def show(self, text: str) -> None:
        """Show this text instead of the one before."""
        if self._live is not None:
            from rich.text import Text  # noqa: PLC0415 - see __enter__

            self._live.update(Text.from_ansi(text), refresh=True)
        elif text != self._shown:
            terminal.data(text if not self._shown else f"\n{text}")
        self._shown = text
