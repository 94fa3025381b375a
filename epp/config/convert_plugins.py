"""Plugins of older releases as those of today."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from epp.config.convert_text import rename
from epp.config.releases import SUCCESSORS

if TYPE_CHECKING:
    from epp.config.convert import Conversion

BYTES_PER_TOKEN = 4
_HEADERS_HANDLERS = ("disagg-headers-handler", "prefill-header-handler")


def convert_plugin(entry: Any, plugins: Any, work: "Conversion") -> None:
    """Change one entry of ``plugins``, or the list around it."""
    kind = str(entry.get("type", ""))
    line = _line(entry)
    _block_size(entry, work, line)
    successor = SUCCESSORS.get(kind)
    if successor is None or not (work.release.is_own or _is_gone(kind, work)):
        return
    if kind in _HEADERS_HANDLERS:
        plugins.remove(entry)
        work.note(f"{kind} removed: the profile handler sets the headers", line)
        if not any(p.get("type", "").endswith("profile-handler") for p in plugins):
            work.leave("add a disagg-profile-handler, which sets the headers", line)
    elif kind == "predicted-latency-scorer":
        names = " and ".join(successor.names)
        work.leave(f"{kind}: split it into {names}, with filters and an admitter", line)
    elif kind == "precise-prefix-cache-scorer":
        _split_precise(entry, plugins, work, line)
    else:
        _give_type(entry, successor.names[0], work, line)
        if convert_parameters := _PARAMETERS.get(kind):
            convert_parameters(entry, work, line)


def _is_gone(kind: str, work: "Conversion") -> bool:
    release = work.release
    return not release.has_type(kind) or release.name in SUCCESSORS[kind].since


def _line(entry: Any) -> int:
    place = getattr(entry, "lc", None)
    return int(place.line) + 1 if place is not None and place.line is not None else 0


def _give_type(entry: Any, new: str, work: "Conversion", line: int) -> None:
    old = str(entry["type"])
    entry["type"] = new
    work.note(f"{old} is now {new}", line)
    if not entry.get("name"):
        work.refer(old, new)


def _block_size(entry: Any, work: "Conversion", line: int) -> None:
    parameters = entry.get("parameters")
    if not isinstance(parameters, dict) or "blockSize" not in parameters:
        return
    size = parameters["blockSize"]
    if "blockSizeTokens" in parameters:
        del parameters["blockSize"]
        work.note("blockSize removed: blockSizeTokens counts", line)
    elif isinstance(size, int) and size >= BYTES_PER_TOKEN:
        rename(parameters, "blockSize", "blockSizeTokens")
        parameters["blockSizeTokens"] = size // BYTES_PER_TOKEN
        work.note(f"blockSize {size} is now blockSizeTokens {size // BYTES_PER_TOKEN}", line)
    else:
        work.leave(f"blockSize {size!r}: write blockSizeTokens, of 4 characters each", line)


def _split_precise(entry: Any, plugins: Any, work: "Conversion", line: int) -> None:
    producer = "precise-prefix-cache-producer"
    name = str(entry.get("name") or entry["type"])
    entry["type"] = producer
    entry.pop("name", None)
    scorer = {
        "name": name,
        "type": "prefix-cache-scorer",
        "parameters": {"prefixMatchInfoProducerName": producer},
    }
    plugins.insert(plugins.index(entry) + 1, scorer)
    work.note(f"{name} is now {producer}, and a prefix-cache-scorer that reads it", line)


def _by_label(entry: Any, work: "Conversion", line: int) -> None:
    old = entry.get("parameters")
    if not isinstance(old, dict) or "label" not in old:
        return
    rule: dict[str, Any] = {"key": old["label"], "operator": "In"}
    rule["values"] = list(old.get("validValues") or ())
    if old.get("allowsNoLabel"):
        work.leave("allowsNoLabel: no selector says 'one of these, or no label'", line)
    entry["parameters"] = {"matchExpressions": [rule]}


def _pd_profile_handler(entry: Any, work: "Conversion", line: int) -> None:
    parameters = entry.get("parameters")
    if not isinstance(parameters, dict):
        return
    for name in list(parameters):
        if name == "primaryPort":
            work.leave("primaryPort: that is a data-parallel-profile-handler's now", line)
        if name == "primaryPort" or name.startswith("prefix"):
            del parameters[name]
            work.note(f"{name} removed: disagg-profile-handler has no such parameter", line)


_PARAMETERS: dict[str, Callable[[Any, "Conversion", int], None]] = {
    "by-label": _by_label,
    "pd-profile-handler": _pd_profile_handler,
}
