"""A cleanup: what is to go, the question whether it may, and how it goes."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gaiectl.console import terminal
from gaiectl.console.tables import table
from gaiectl.documents import Document, Identity, identity
from gaiectl.operations.cleanup import Kept, Proof, Removal
from gaiectl.operations.phases import Phase
from gaiectl.operations.shared_cleanup import SharedRemoval

_TOLD = 5


def show(removals: Sequence[Removal], shared: SharedRemoval, *, is_answer: bool) -> None:
    """Show what is to go, in its order: on stdout if that is what was asked for."""
    write, stream = (terminal.data, sys.stdout) if is_answer else (terminal.say, sys.stderr)
    rows = [(removal.name, *_cells(one)) for removal in removals for one in _all(removal)]
    rows += [("<shared>", *_cells(one)) for one in (*shared.definitions, *shared.namespaces)]
    if rows:
        heads = ("stack", "kind", "namespace", "name")
        write(table(heads, rows, shrinks=(0, 1, 2, 3), stream=stream))
    for removal in removals:
        counts = Counter(one["kind"] for one in removal.dependents)
        if counts:
            made = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            write(f"and what Kubernetes made for {removal.name}: {made}")
    kept = [one for removal in removals for one in removal.kept]
    show_kept([*kept, *shared.kept], write)


def show_kept(kept: Sequence[Kept], write: Callable[[str], None] = terminal.say) -> None:
    """Show what stays, and why."""
    for one in kept:
        write(f"{one.who.title} stays: {one.reason}")


def everything(removals: Sequence[Removal], shared: SharedRemoval) -> list[Document]:
    """Return all that is to be deleted, in its order."""
    own = [one for removal in removals for one in _all(removal)]
    return [*own, *shared.definitions, *shared.namespaces]


def is_agreed(number: int) -> bool:
    """Ask whether so many objects may go; no is the answer unless it is yes."""
    terminal.say(f"delete these {number} objects? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def can_ask() -> bool:
    """Tell whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Lines:
    """Tells of a cleanup line by line.

    Args:
        is_name_only: tell what was deleted by names only.
        tried: what each line ends with when nothing is deleted: `` (dry run)``.
    """

    def __init__(self, *, is_name_only: bool = False, tried: str = "") -> None:
        self._end = "" if is_name_only else f" deleted{tried}"

    def began(self, phase: Phase, count: int) -> None:
        """Show which phase goes."""
        terminal.show_progress(f"{phase}: deleting {count}")

    def deleted(self, who: Identity) -> None:
        """Show what was deleted."""
        terminal.data(f"{who.title}{self._end}")

    def tell(self, objects: Iterable[Identity]) -> None:
        """Show what would be deleted."""
        for who in objects:
            self.deleted(who)

    def waits(self, text: str) -> None:
        """Show what is waited for."""
        terminal.say(text)


def show_proof(removal: Removal, proof: Proof) -> None:
    """Show that nothing is left, and where nobody could look."""
    done = terminal.symbol("done")
    if not proof.unread:
        terminal.say(f"{done} nothing is left of {removal.name}: every kind was looked through")
        return
    terminal.say(
        f"{done} nothing is left of {removal.name} in all that could be looked through; "
        f"{len(proof.unread)} kinds could not:"
    )
    for one in proof.unread[:_TOLD]:
        terminal.say(f"  {one.title}: {one.reason}")
    if len(proof.unread) > _TOLD:
        terminal.say(f"  and {len(proof.unread) - _TOLD} more")


def _all(removal: Removal) -> list[Document]:
    """Return all that is to be deleted; the inventory goes last."""
    known = removal.inventory
    return [*removal.members, *removal.elections, *([known.document()] if known.exists else [])]


def _cells(document: Document) -> tuple[str, str | None, str]:
    who = identity(document)
    kind = f"{who.kind}.{who.group}" if who.group else who.kind
    return kind, who.namespace or None, who.name
