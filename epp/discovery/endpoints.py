"""What the discovery file says, checked: every problem at once, each with its place.

The format is that of llm-d-router's ``file-discovery``: ``endpoints[]`` with ``name``,
``namespace``, ``address``, ``port`` and ``labels``. Beyond it, IPv6 literals, host names and ports
that are numbers are taken too.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from epp.api.errors import ConfigError, Problem
from epp.reading.source import UNUSABLE, Source, parse, short
from epp.reading.suggest import suggest

DEFAULT_NAMESPACE = "default"
_MAX_VALUES = 200_000
_FIELDS = ("name", "namespace", "address", "port", "labels")
_REQUIRED = ("name", "address", "port")
_HOST = re.compile(r"(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")
_ONLY_NUMBERS = re.compile(r"[0-9.]+")
_HOST_AND_PORT = re.compile(r"\[?[^\]/]*\]?:[0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One endpoint as written.

    Attributes:
        name: unique within the namespace.
        namespace: ``default`` unless given.
        host: an IP literal without brackets, or a name to resolve.
        is_name: ``host`` is not an IP literal.
        port: 1 to 65535.
        labels: the pod labels it pretends to have.
    """

    name: str
    namespace: str
    host: str
    is_name: bool
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)


def read_endpoints(data: bytes, file: str) -> tuple[Entry, ...]:
    """Return the entries of a discovery file.

    Args:
        data: the content, YAML or JSON, at most 1 MiB.
        file: how messages call it.

    Raises:
        ConfigError: with everything that is wrong.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(f"not UTF-8 at byte {error.start}", file)]) from None
    source = parse(text, file, max_values=_MAX_VALUES)
    entries = () if source.value is UNUSABLE else _entries(source)
    if source.problems:
        raise ConfigError(source.problems)
    return entries


def _entries(source: Source) -> tuple[Entry, ...]:
    document = source.value
    if document is None:
        source.values[""] = (1, 1)
        source.add("", "the file is empty", "write 'endpoints: []' for no endpoint")
        return ()
    if not isinstance(document, dict):
        source.add("", "expected an object with the list 'endpoints'")
        return ()
    _refuse_unknown(source, document, "", ("endpoints",))
    listed = document.get("endpoints")
    if "endpoints" not in document:
        source.add("", "field 'endpoints' is missing", "write 'endpoints: []' for no endpoint")
    elif not isinstance(listed, list):
        source.add("endpoints", "expected a list of endpoints")
    if not isinstance(listed, list):
        return ()
    entries = [_entry(source, item, f"endpoints[{i}]") for i, item in enumerate(listed)]
    _refuse_twins(source, entries)
    return tuple(entry for entry in entries if entry is not None)


def _entry(source: Source, item: Any, path: str) -> Entry | None:
    if not isinstance(item, dict):
        source.add(path, "expected an object with name, address and port")
        return None
    before = len(source.problems)
    _refuse_unknown(source, item, path, _FIELDS)
    for name in _REQUIRED:
        if name not in item:
            source.add(path, f"field {name!r} is missing")
    name = _word(source, item, path, "name")
    namespace = _word(source, item, path, "namespace", DEFAULT_NAMESPACE)
    host, is_name = _host(source, item, path)
    port = _port(source, item, path)
    labels = _labels(source, item, path)
    if len(source.problems) > before:
        return None
    return Entry(name, namespace, host, is_name, port, labels)


def _refuse_unknown(
    source: Source, item: Mapping[str, Any], path: str, known: tuple[str, ...]
) -> None:
    for name in item:
        if name not in known:
            child = f"{path}.{name}" if path else name
            source.add(child, f"unknown field {short(name)}", suggest(name, known), at_key=True)


def _refuse_twins(source: Source, entries: list[Entry | None]) -> None:
    first: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(entries):
        if entry is None:
            continue
        other = first.setdefault((entry.namespace, entry.name), index)
        if other != index:
            line = source.line(f"endpoints[{other}]")
            message = f"{entry.namespace}/{entry.name} is already the endpoint of line {line}"
            source.add(f"endpoints[{index}].name", message, "names are unique in a namespace")


def _word(source: Source, item: Mapping[str, Any], path: str, name: str, default: str = "") -> str:
    value = item.get(name, default)
    if isinstance(value, str) and (value or name not in item):
        return value
    if value is not UNUSABLE:
        hint = "" if value in (None, "") or isinstance(value, (list, dict)) else "quote it"
        source.add(f"{path}.{name}", f"expected a string that is not empty, got {value!r}", hint)
    return ""


def _host(source: Source, item: Mapping[str, Any], path: str) -> tuple[str, bool]:
    if not (text := _word(source, item, path, "address")):
        return "", False
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        pass
    else:
        if "%" not in bare:
            return str(address), False
    place = f"{path}.address"
    if "%" in bare:
        source.add(place, f"{text!r} has a zone", "use an address that is valid everywhere")
    elif "/" in text:
        source.add(place, f"{text!r} is not an address", "give the host alone, no URL and no path")
    elif _HOST_AND_PORT.fullmatch(text):
        source.add(place, f"{text!r} holds a port", "give it in the field 'port'")
    elif _ONLY_NUMBERS.fullmatch(text):
        source.add(place, f"{text!r} is not an IPv4 address")
    elif not _HOST.fullmatch(text):
        source.add(place, f"{text!r} is neither an IP address nor a host name")
    else:
        return text.lower(), True
    return "", False


def _port(source: Source, item: Mapping[str, Any], path: str) -> int:
    value: Any = item.get("port")
    if "port" not in item or value is UNUSABLE:
        return 0
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5
    if is_digits or type(value) is int:
        port = int(value)
        if 1 <= port <= 65535:
            return port
    source.add(f"{path}.port", f"expected a port from 1 to 65535, got {value!r}")
    return 0


def _labels(source: Source, item: Mapping[str, Any], path: str) -> dict[str, str]:
    value = item.get("labels")
    if value is None or value is UNUSABLE:
        return {}
    if not isinstance(value, dict):
        source.add(f"{path}.labels", "expected an object of strings")
        return {}
    for name, text in value.items():
        if not isinstance(text, str) and text is not UNUSABLE:
            source.add(f"{path}.labels.{name}", f"expected a string, got {text!r}", "quote it")
    return value
