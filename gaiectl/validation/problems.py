"""Mistakes in what the user wrote: all of them at once, each with its place."""

from typing import TYPE_CHECKING

from gaiectl.errors import Exit, GaieError

if TYPE_CHECKING:  # importing it would bring all of epp.config
    from collections.abc import Sequence

    from epp.config import Problem


_SHOWN = 100


class InvalidInput(GaieError):
    """What the user wrote cannot be used.

    Attributes:
        problems: in the order of their places.
    """

    code = Exit.USAGE

    def __init__(self, problems: "Sequence[Problem]", *, hint: str = "") -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        count = len(self.problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        super().__init__(
            f"{count} mistake{'s' if count > 1 else ''} in the input",
            hint=hint or "correct what is listed and run the command again",
            detail="\n".join(lines + [f"... and {count - _SHOWN} more"] * (count > _SHOWN)),
        )
