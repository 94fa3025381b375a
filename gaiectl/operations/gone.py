"""Waits until objects are gone, and says what holds those back that stay."""

import time
from collections.abc import Callable, Iterable

from gaiectl.cluster.api import Cluster
from gaiectl.cluster.failures import ApiError
from gaiectl.documents import Document, Identity, identity
from gaiectl.errors import TimedOut
from gaiectl.operations.finalizers import why_there

_FIRST_PERIOD_SECONDS = 0.1
_PERIOD_SECONDS = 0.5
_SILENT_SECONDS = 3.0
_FORCED_SECONDS = 15.0


class Patience:
    """How long to wait for objects to go, for all of them together.

    Args:
        seconds: from now on.
        told: called with a sentence per object that takes long, whenever it changes.
        force_finalizers: remove finalizers from what is still there at the end.
    """

    def __init__(
        self, seconds: float, told: Callable[[str], None], *, force_finalizers: bool = False
    ) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._told = told
        self._may_force = force_finalizers

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.monotonic()

    def until_gone(
        self, cluster: Cluster, documents: Iterable[Document], *, forcible: bool = False
    ) -> None:
        """Return when none of the objects is there.

        Args:
            cluster: where.
            documents: with their uids; another one of the same name is another one.
            forcible: their finalizers may be removed, if that was asked for.

        Raises:
            TimedOut: they are still there; says why, for each.
        """
        waiting = {one["metadata"]["uid"]: identity(one) for one in documents}
        began, period = time.monotonic(), _FIRST_PERIOD_SECONDS
        said: set[tuple[str, str]] = set()
        while True:
            there = _still_there(cluster, waiting)
            waiting = {uid: waiting[uid] for uid in there}
            if not waiting:
                return
            if self.left < 0 and not self._goes_on(cluster, there, forcible):
                raise self._given_up(waiting, there)
            if time.monotonic() - began > _SILENT_SECONDS:
                self._tell(there, said)
            time.sleep(period)
            period = min(2 * period, _PERIOD_SECONDS)

    def _tell(self, there: dict[str, Document], said: set[tuple[str, str]]) -> None:
        """Tell what is waited for and why, once for all objects with the same reason."""
        waits: dict[str, list[Identity]] = {}
        for uid, found in there.items():
            reason = why_there(found)
            if (uid, reason) not in said:
                waits.setdefault(reason, []).append(identity(found))
                said.add((uid, reason))
        for reason, names in waits.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self._told(f"waiting for {names[0]}{more} to go: {reason}")

    def _goes_on(self, cluster: Cluster, there: dict[str, Document], forcible: bool) -> bool:  # noqa: FBT001 - a private call
        """Remove finalizers, once, if that was asked for."""
        if not (forcible and self._may_force):
            return False
        self._may_force = False
        self._end = time.monotonic() + _FORCED_SECONDS
        for uid, found in there.items():
            held = found["metadata"].get("finalizers")
            if not held or not found["metadata"].get("deletionTimestamp"):
                continue
            who = identity(found)
            self._told(f"removing the finalizers of {who}: {', '.join(held)}")
            version = found["metadata"]["resourceVersion"]
            changes = {"metadata": {"uid": uid, "resourceVersion": version, "finalizers": None}}
            try:
                cluster.merge(who, changes)
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
        return True

    def _given_up(self, waiting: dict[str, Identity], there: dict[str, Document]) -> TimedOut:
        lines = [f"{waiting[uid]}: {why_there(found)}" for uid, found in there.items()]
        is_held = any(found["metadata"].get("finalizers") for found in there.values())
        forced = "; --force-finalizers removes finalizers, and what they stand for may stay behind"
        return TimedOut(
            f"{len(waiting)} objects are still there after {self.seconds:g} s",
            hint="see to what holds them, then run this command again: it goes on where it ended"
            + (forced if is_held else ""),
            detail="\n".join(lines),
        )


def _still_there(cluster: Cluster, waiting: dict[str, Identity]) -> dict[str, Document]:
    found = {uid: cluster.get(who) for uid, who in waiting.items()}
    return {uid: one for uid, one in found.items() if one and one["metadata"]["uid"] == uid}
