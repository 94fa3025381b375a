"""To whom the local stack tells what it does."""

from typing import Protocol


class Narrator(Protocol):
    """Hears what happens, for a human to read."""

    def said(self, message: str) -> None:
        """Something worth a line happened."""
        ...

    def warned(self, message: str) -> None:
        """Something is not as it should be, but the work goes on."""
        ...

    def began(self, step: str) -> None:
        """The work on a step has begun; the step is worded as it will be when done."""
        ...

    def finished(self, step: str, seconds: float) -> None:
        """A step of the work is done."""
        ...


class Silent:
    """Hears nothing."""

    def said(self, message: str) -> None:
        """Ignore it."""

    def warned(self, message: str) -> None:
        """Ignore it."""

    def began(self, step: str) -> None:
        """Ignore it."""

    def finished(self, step: str, seconds: float) -> None:
        """Ignore it."""
