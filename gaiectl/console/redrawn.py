"""What changes while it is looked at: redrawn on a terminal; elsewhere written when it is another.

rich costs 50 ms, so it is imported where something is redrawn.
"""

import sys
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from gaiectl.console import terminal

if TYPE_CHECKING:
    from rich.live import Live


class Redrawn(AbstractContextManager["Redrawn"]):
    """Shows the latest text; used as a context, because a terminal has to be given back.

    Args:
        stream: where; stdout by default.
        stays: the last text stays, and is all that is written. Else it goes in the end, and what
            is written beside it meanwhile stands above it.
    """

    def __init__(self, stream: TextIO | None = None, *, stays: bool = True) -> None:
        self._stack = ExitStack()
        self._stream = stream or sys.stdout
        self._stays = stays
        self._live: Live | None = None
        self._shown = ""

    @property
    def is_live(self) -> bool:
        """The text is redrawn."""
        return self._live is not None

    def __enter__(self) -> Self:
        if terminal.is_terminal(self._stream):
            from rich.console import Console  # noqa: PLC0415 - see the module's docstring
            from rich.live import Live  # noqa: PLC0415 - see the module's docstring

            self._live = Live(
                console=Console(file=self._stream, markup=False, highlight=False),
                auto_refresh=False,
                transient=not self._stays,
                vertical_overflow="crop",
                redirect_stdout=not self._stays,
                redirect_stderr=not self._stays,
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
            from rich.text import Text  # noqa: PLC0415 - see the module's docstring

            self._live.update(Text.from_ansi(text), refresh=True)
        elif text != self._shown:
            terminal.data(text if not self._shown else f"\n{text}")
        self._shown = text
