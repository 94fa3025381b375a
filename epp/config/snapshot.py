"""Endpoints as they were at one moment, from a file: written by hand, or saved from an EPP.

    endpoints:
    - {name: a, address: 10.0.0.1, port: 8000, waitingRequests: 3, kvCacheUsage: 0.4}
    - {endpoint: default/b, address: "10.0.0.2:8000", metricsAgeSeconds: 0.2}

The file of ``file-discovery`` is one too, with no figures, and so is what ``/debug/state`` shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from epp.api.endpoint import NEVER_SCRAPED, Candidate, Endpoint, Metrics
from epp.api.errors import ConfigError
from epp.api.parameters import Param
from epp.config.decode import decode
from epp.reading.source import UNUSABLE, Source, parse

NOW = 1000.0
"""The moment of a snapshot, in monotonic seconds."""

MAX_VALUES = 200_000
DEFAULT_PORT = 8000


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """One endpoint and what was known of it."""

    endpoint: Annotated[str, Param("Namespace and name, as in default/a.")] = ""
    name: Annotated[str, Param("Name, where endpoint is not given.")] = ""
    namespace: Annotated[str, Param("Namespace, where endpoint is not given.")] = "default"
    address: Annotated[str, Param("Address, with or without port.")] = ""
    port: Annotated[int, Param("Port.", minimum=1, maximum=65535)] = DEFAULT_PORT
    labels: Annotated[Mapping[str, str] | None, Param("Labels of the pod.")] = None
    waiting_requests: Annotated[int, Param("Requests queued there.", minimum=0)] = 0
    running_requests: Annotated[int, Param("Requests running there.", minimum=0)] = 0
    kv_cache_usage: Annotated[
        float, Param("Share of its KV cache in use.", minimum=0, maximum=1)
    ] = 0.0
    active_models: Annotated[tuple[str, ...], Param("Adapters running.")] = ()
    waiting_models: Annotated[tuple[str, ...], Param("Adapters with queued requests.")] = ()
    max_active_models: Annotated[int, Param("Adapters that fit at once.", minimum=0)] = 0
    block_size: Annotated[int, Param("Tokens in a KV-cache block.", minimum=0)] = 0
    blocks: Annotated[int, Param("KV-cache blocks.", minimum=0)] = 0
    inflight_requests: Annotated[int, Param("Requests in flight from the EPP.", minimum=0)] = 0
    metrics_age_seconds: Annotated[
        float | None, Param("Age of the figures; not given is now.", minimum=0)
    ] = None
    is_fresh: Annotated[bool | None, Param("The figures count.")] = None
    is_reachable: Annotated[bool, Param("It takes connections.")] = True
    corrected_waiting_requests: Annotated[
        int | None, Param("Requests queued, with the EPP's own since the scrape.", minimum=0)
    ] = None
    corrected_running_requests: Annotated[
        int | None, Param("Requests running, with the EPP's own since the scrape.", minimum=0)
    ] = None


def read_snapshot(text: str, file: str) -> list[Candidate]:
    """Return the endpoints of a snapshot.

    Raises:
        ConfigError: carries every problem that was found.
    """
    source = parse(text, file, max_values=MAX_VALUES)
    entries, path = _entries(source)
    candidates = read_candidates(entries, source, path)
    if not candidates and not source.problems:
        source.add("", "there are no endpoints", "write endpoints: [{name: a, ...}]")
    if source.problems:
        raise ConfigError(source.problems)
    return candidates


def _entries(source: Source) -> tuple[Any, str]:
    """Return the list of endpoints wherever the document has it, and its path."""
    value, path = source.value, ""
    if isinstance(value, dict) and isinstance(value.get("pool"), dict):
        value, path = value["pool"], "pool"
    if isinstance(value, dict):
        for name in ("endpoints", "candidates"):
            if name in value:
                return value[name], f"{path}.{name}" if path else name
    if value is not UNUSABLE and not isinstance(value, list):
        source.add(path, "there is no list of endpoints", "write endpoints: [{name: a, ...}]")
        return [], path
    return value, path


def read_candidates(entries: Any, source: Source, path: str) -> list[Candidate]:
    """Return the endpoints of a list; problems are noted in the source."""
    if not isinstance(entries, list):
        if entries is not UNUSABLE:
            source.add(path, "must be a list of endpoints")
        return []
    candidates: dict[tuple[str, str], Candidate] = {}
    for index, entry in enumerate(entries):
        place = f"{path}[{index}]"
        candidate = _candidate(_plain(entry), source, place, len(candidates))
        if candidate is None:
            continue
        key = (candidate.endpoint.namespace, candidate.endpoint.name)
        if key in candidates:
            source.add(place, f"endpoint {'/'.join(key)!r} is given twice", code="duplicate-name")
        candidates[key] = candidate
    return list(candidates.values())


def _plain(entry: Any) -> Any:
    """Return an entry without its nulls; a port may be a text, as in the file of discovery."""
    if not isinstance(entry, dict):
        return entry
    plain = {name: value for name, value in entry.items() if value is not None}
    if isinstance(port := plain.get("port"), str) and port.isdecimal() and port.isascii():
        plain["port"] = int(port[:6])
    return plain


def _candidate(entry: Any, source: Source, path: str, slot: int) -> Candidate | None:
    before = len(source.problems)
    row = EndpointEntry(**decode(EndpointEntry, source, entry, path))
    namespace, _, name = (
        row.endpoint.rpartition("/") if row.endpoint else (row.namespace, "", row.name)
    )
    if not name:
        source.add(path, "has no name", "write name: a", code="missing-field")
    if len(source.problems) > before:
        return None
    host, port = _host_port(row.address or "127.0.0.1", row.port)
    age = row.metrics_age_seconds
    is_fresh = row.is_fresh if row.is_fresh is not None else True
    metrics = Metrics(
        waiting=row.waiting_requests,
        running=row.running_requests,
        kv_usage=row.kv_cache_usage,
        active_models=frozenset(row.active_models),
        waiting_models=frozenset(row.waiting_models),
        max_active_models=row.max_active_models,
        block_size=row.block_size,
        num_blocks=row.blocks,
        updated_at=NOW - (age or 0.0) if is_fresh or age is not None else NEVER_SCRAPED.updated_at,
    )
    waiting, running = row.corrected_waiting_requests, row.corrected_running_requests
    return Candidate(
        endpoint=Endpoint(name, namespace or "default", host, port, row.labels or {}, slot),
        metrics=metrics,
        is_fresh=is_fresh,
        is_reachable=row.is_reachable,
        inflight=row.inflight_requests,
        waiting=metrics.waiting if waiting is None else waiting,
        running=metrics.running if running is None else running,
    )


def _host_port(address: str, port: int) -> tuple[str, int]:
    """Return host and port of ``10.0.0.1``, ``10.0.0.1:8000``, ``[::1]:8000`` or ``::1``."""
    host, colon, tail = address.rpartition(":")
    if colon and tail.isdecimal() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(tail)
    return address.strip("[]"), port


def names(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the candidates by ``namespace/name``."""
    return {f"{c.endpoint.namespace}/{c.endpoint.name}": c for c in candidates}
