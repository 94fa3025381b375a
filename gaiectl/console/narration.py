"""What is being done, told on stderr: one line per step done; a terminal also shows the next."""

from gaiectl.console import terminal


class Narration:
    """Implements ``gaiectl.local.narrator.Narrator``."""

    def said(self, message: str) -> None:
        """Write a plain line."""
        terminal.say(message)

    def warned(self, message: str) -> None:
        """Write a line that stands out."""
        terminal.say(f"{terminal.symbol('warning')} {message}")

    def began(self, step: str) -> None:
        """Show a terminal what is waited for."""
        terminal.show_progress(f"waiting: {step}")

    def finished(self, step: str, seconds: float) -> None:
        """Write the step and how long it took."""
        took = terminal.paint(f"({seconds:.1f} s)", "dim")
        terminal.say(f"{terminal.symbol('done')} {step} {took}")
