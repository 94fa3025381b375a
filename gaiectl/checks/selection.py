"""Which checks to make: ids to take, ``!id`` to leave out."""

import difflib
from collections.abc import Sequence

from gaiectl.checks.check import Check
from gaiectl.errors import UsageError


def select(checks: Sequence[Check], wanted: Sequence[str]) -> list[Check]:
    """Return the wanted checks in the order of ``checks``.

    Args:
        checks: all there are.
        wanted: ids; with ``!`` before it an id is left out. With none to take, all are taken.

    Raises:
        UsageError: there is no such check, or nothing is left.
    """
    known = [check.id for check in checks]
    for name in wanted:
        if name.removeprefix("!") not in known:
            close = difflib.get_close_matches(name.removeprefix("!"), known, n=1)
            raise UsageError(
                f"there is no check {name.removeprefix('!')!r}",
                hint=f"did you mean {close[0]}?" if close else f"they are {', '.join(known)}",
            )
    takes = [name for name in wanted if not name.startswith("!")] or known
    left_out = {name[1:] for name in wanted if name.startswith("!")}
    chosen = [check for check in checks if check.id in takes and check.id not in left_out]
    if not chosen:
        raise UsageError("no check is left to make", hint="name other checks with --check")
    return chosen
