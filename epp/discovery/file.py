"""``file-discovery``: endpoints from a file, taken up again when it changes.

An edit is taken whole or not at all: what cannot be used leaves the pool as it was, is said once in
the log and shown in the metrics until a good edit follows.
"""

import asyncio
import logging
import os
import stat
import time
from pathlib import Path

from epp.api.discovery import EndpointSink, EndpointSpec
from epp.api.errors import ConfigError, Problem
from epp.discovery.endpoints import Entry, read_endpoints
from epp.discovery.names import Lookup, Names, system_lookup
from epp.metrics.recorder import EppMetrics
from epp.reading.source import MAX_CHARACTERS

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
RESOLVE_SECONDS = 30.0
RETRY_SECONDS = 2.0

_Signature = tuple[int, ...] | str
"""What tells one state of the file from another; a text says why there is none."""


class FileDiscovery:
    """Puts the endpoints of a file into a pool from ``start`` to ``stop``.

    The file is looked at five times a second, through symbolic links, so that renames over it,
    writes in place and the swapped directories of a mounted ConfigMap are all noticed. A file that
    is written in place is read only when it has rested for one look, because half of a list is a
    valid list too. Host names are resolved again every half minute, failed ones more often; an
    endpoint whose name never resolved is left out.

    Args:
        path: the file.
        sink: gets the endpoints; the pool.
        metrics: show whether the file in use is the one on disk.
        is_watched: take up changes; host names are followed in any case.
        lookup: how host names are resolved.
        poll_seconds: between two looks at the file.
    """

    def __init__(
        self,
        path: Path,
        sink: EndpointSink,
        metrics: EppMetrics,
        *,
        is_watched: bool = False,
        lookup: Lookup = system_lookup,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._path = path
        self._sink = sink
        self._metrics = metrics
        self._is_watched = is_watched
        self._poll_seconds = poll_seconds
        self._names = Names(lookup)
        self._entries: tuple[Entry, ...] = ()
        self._taken: _Signature = ""
        self._moving: _Signature = ""
        self._said = ""
        self._unresolved: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._next_lookup = 0.0

    async def start(self) -> None:
        """Read the file, resolve its host names once, fill the pool.

        Raises:
            ConfigError: the file cannot be read or used.
        """
        self._taken = self._look()
        self._entries = self._read()
        self._metrics.discovery_succeeded(time.time())
        await self._resolve()
        if self._is_watched or any(entry.is_name for entry in self._entries):
            self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End; the pool stays as it is."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                if (self._is_watched and await self._reread()) or self._is_lookup_due():
                    await self._resolve()
            except Exception:
                logger.exception("cannot follow %s for now", self._path)

    def _is_lookup_due(self) -> bool:
        return time.monotonic() >= self._next_lookup

    async def _reread(self) -> bool:
        """Take the file if it changed; return whether it was taken."""
        seen = self._look()
        if seen == self._taken:
            return False
        if _is_same_file(seen, self._taken) and seen != self._moving:
            self._moving = seen
            return False
        try:
            entries = await asyncio.to_thread(self._read)
        except ConfigError as error:
            if self._look() == seen:
                self._taken = seen
                self._fail(error)
            return False
        if self._look() != seen:
            return False
        self._taken, self._entries = seen, entries
        self._said = ""
        self._metrics.discovery_succeeded(time.time())
        logger.info("took %d endpoints from %s", len(entries), self._path)
        return True

    def _fail(self, error: ConfigError) -> None:
        self._metrics.discovery_failed()
        if str(error) != self._said:
            self._said = str(error)
            logger.error(
                "keeping the %d endpoints known, the endpoints file cannot be used: %s",
                len(self._entries),
                "; ".join(str(problem) for problem in error.problems),
            )

    async def _resolve(self) -> None:
        failures = await self._names.refresh(entry.host for entry in self._entries if entry.is_name)
        self._next_lookup = time.monotonic() + (RETRY_SECONDS if failures else RESOLVE_SECONDS)
        self._metrics.unresolved_names = len(failures)
        for name, why in failures.items():
            if self._unresolved.get(name) != why:
                known = self._names[name]
                outcome = f"keeping {known}" if known else "leaving its endpoint out"
                logger.warning("cannot resolve %s (%s), %s", name, why, outcome)
        self._unresolved = failures
        self._sink.replace(
            EndpointSpec(entry.name, entry.namespace, address, entry.port, entry.labels)
            for entry in self._entries
            if (address := self._names[entry.host] if entry.is_name else entry.host)
        )

    def _look(self) -> _Signature:
        try:
            seen = self._path.stat()
        except OSError as error:
            return _reason(error)
        return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)

    def _read(self) -> tuple[Entry, ...]:
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise self._unreadable("is not a file")
            with self._path.open("rb") as file:
                data = file.read(MAX_CHARACTERS + 1)
        except OSError as error:
            raise self._unreadable(f"cannot be read: {_reason(error)}") from None
        return read_endpoints(data, str(self._path))

    def _unreadable(self, why: str) -> ConfigError:
        hint = "it is the parameter 'path' of the plugin file-discovery"
        return ConfigError([Problem(why, str(self._path), hint=hint)])


def _is_same_file(one: _Signature, other: _Signature) -> bool:
    return not isinstance(one, str) and not isinstance(other, str) and one[:2] == other[:2]


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
