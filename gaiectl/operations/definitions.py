"""CRDs belong to the cluster: what is there already is used, and never taken back to an older form.

Pure but for what it is given.
"""

import re
from typing import NamedTuple

from gaiectl.cluster.applyset import was_brought
from gaiectl.documents import Document
from gaiectl.errors import Refused

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?")
_BUNDLE, _CHANNEL = "/bundle-version", "/channel"


class Decision(NamedTuple):
    """What becomes of a CRD that is wanted.

    Attributes:
        is_applied: whether it is written.
        note: what the user should know; empty for nothing.
    """

    is_applied: bool
    note: str = ""


def decide(wanted: Document, found: Document | None) -> Decision:
    """Return what becomes of a CRD.

    Args:
        wanted: as we would bring it.
        found: as it is in the cluster.

    Raises:
        Refused: the one that is there is older, not ours, and does not serve what we need.
    """
    if found is None:
        return Decision(is_applied=True)
    name = found["metadata"]["name"]
    there, ours = _bundle(found), _bundle(wanted)
    if _channel(found) != _channel(wanted):
        return Decision(
            is_applied=False, note=f"{name} stays as it is: channel {_channel(found) or 'unknown'}"
        )
    if _order(there) > _order(ours):
        return Decision(is_applied=False, note=f"{name} stays as it is: {there}, newer than {ours}")
    lacking = sorted(_served(wanted) - _served(found))
    if was_brought(found) or (there == ours and not lacking):
        return Decision(is_applied=was_brought(found))
    if lacking:
        raise Refused(
            f"the cluster's {name} ({there or 'of unknown version'}) does not serve "
            f"{', '.join(lacking)}, and gaiectl did not bring it",
            hint=f"have whoever brought it replace it by {ours}, for others may use it too",
        )
    return Decision(
        is_applied=False,
        note=f"{name} stays as it is: {there or 'of unknown version'}, not brought by gaiectl "
        f"(which has {ours})",
    )


def _served(definition: Document) -> set[str]:
    versions = definition["spec"].get("versions") or ()
    return {str(version["name"]) for version in versions if version.get("served")}


def _bundle(definition: Document) -> str:
    return _annotation(definition, _BUNDLE)


def _channel(definition: Document) -> str:
    return _annotation(definition, _CHANNEL)


def _annotation(definition: Document, suffix: str) -> str:
    annotations = definition["metadata"].get("annotations") or {}
    return next((str(text) for key, text in annotations.items() if key.endswith(suffix)), "")


def _order(version: str) -> tuple[int, int, int, bool, str]:
    """Return what orders versions; a pre-release comes before its release, the unknown first."""
    found = _VERSION.fullmatch(version)
    if not found:
        return (-1, 0, 0, False, "")
    return (int(found[1]), int(found[2]), int(found[3]), found[4] is None, found[4] or "")
