"""An installation while it goes on: one line per object whose state changes, and the end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gaiectl.console import terminal
from gaiectl.documents import Identity
from gaiectl.operations.phases import Phase

if TYPE_CHECKING:
    from gaiectl.operations.install import Outcome


class Lines:
    """Tells of it line by line; what stays as it is gets no line of its own."""

    def __init__(self, notes: Sequence[str]) -> None:
        for note in notes:
            terminal.say(f"note: {note}")

    def began(self, phase: Phase, count: int) -> None:
        """Show which phase goes on."""
        terminal.show_progress(f"{phase}: {count} objects")

    def applied(self, who: Identity, verb: str) -> None:
        """Show what became of an object."""
        if verb != "unchanged":
            terminal.data(f"{title(who)} {verb}")

    def done(self, name: str, outcome: "Outcome") -> None:
        """Show how it ended."""
        if outcome.is_unchanged:
            terminal.say(f"{name}: nothing to do, {len(outcome.verbs)} objects are as wanted")


def title(who: Identity) -> str:
    """Return an object as kubectl writes it: ``deployment.apps/llm-epp``."""
    kind = who.kind.lower()
    return f"{kind}.{who.group}/{who.name}" if who.group else f"{kind}/{who.name}"
