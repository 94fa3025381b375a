"""Follows the configuration file: a good edit takes effect, a bad one changes nothing.

The file is looked at every second, through symbolic links, as ConfigMaps are mounted. It is read
when it has been the same for one look, so that a text that is still being written is left alone.
That is also why a file that became empty is a bad edit, although an EPP may start with one.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from epp.api.errors import ConfigError
from epp.api.metrics import MetricFamily
from epp.api.plugin import Instance
from epp.config.loader import Config, load, read_text
from epp.config.presets import is_preset
from epp.config.succession import Succession, connect, fixed_changes, succeed
from epp.server.options import Options

log = logging.getLogger("config")

POLL_SECONDS = 1.0
_Stamp = tuple[int, ...]
_PREFIX = "inference_extension_config_"


def reload_for(
    options: Options, config: Config, use: Callable[[Config], Awaitable[None]]
) -> "Reload | None":
    """Return what follows the file that the flags name; None if it shall not be followed."""
    path = Path(options.config_file)
    if not (options.config_reload and options.config_file) or is_preset(options.config_file):
        return None
    try:
        text = read_text(path)
    except ConfigError:
        text = ""  # it was there a moment ago; the first look tells
    return Reload(path, config, text, use)


def own_instance(reload: "Reload | None") -> tuple[Instance, ...]:
    """Return what shows the metrics of reloads among those of plugins."""
    return () if reload is None else (Instance("config-reload", "config-reload", reload),)


class Reload:
    """Watches one file.

    Args:
        path: of the configuration.
        config: what it says now, in use.
        text: the text of that.
        use: makes another configuration decide; if it raises, the last one is used again.
        clock: seconds since the epoch, for the metrics.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        text: str,
        use: Callable[[Config], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._config = config
        self._text = text
        self._begun = text
        """What the parts follow that wait for a restart."""
        self._use = use
        self._clock = clock
        self._seen: _Stamp = ()
        self._settled: _Stamp = ()
        self._outcomes = {"success": 0, "failure": 0}
        self._is_good = True
        self._good_since = clock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look at the file."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def look(self) -> None:
        """Look at the file once, and use it if it changed and stays so."""
        stamp = _stamp(self._path)
        is_settled, self._seen = stamp == self._seen, stamp
        if stamp == self._settled or not is_settled:
            return
        self._settled = stamp
        try:
            text = read_text(self._path)
            if text == self._text and self._is_good:
                return
            if self._text.strip() and not text.strip():
                self._failed([f"{self._path}: is empty"])
                return
            config = load(text, str(self._path), environment=os.environ)
        except ConfigError as error:
            self._failed([str(problem) for problem in error.problems])
            return
        await self._take(text, config)

    def metrics(self) -> Iterator[MetricFamily]:
        """Return how reloads went."""
        yield MetricFamily(
            f"{_PREFIX}reload_total",
            "counter",
            "Reloads of the configuration file by outcome.",
            ("outcome",),
            [((outcome,), count) for outcome, count in self._outcomes.items()],
        )
        yield MetricFamily(
            f"{_PREFIX}last_reload_successful",
            "gauge",
            "Whether the file as it is now is in use.",
            (),
            [((), float(self._is_good))],
        )
        yield MetricFamily(
            f"{_PREFIX}last_reload_success_timestamp_seconds",
            "gauge",
            "When the configuration in use was read.",
            (),
            [((), self._good_since)],
        )

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("looking at the configuration failed")

    async def _take(self, text: str, config: Config) -> None:
        for warning in config.warnings:
            log.warning("%s", warning)
        try:
            succession = succeed(self._config, config)
            await self._use(succession.config)
        except Exception as error:
            log.exception("the changed configuration cannot be used")
            await self._go_back()
            self._failed([f"{self._path}: {type(error).__name__}: {error}"])
            return
        waiting = fixed_changes(self._begun, text)
        self._config, self._text = succession.config, text
        self._outcomes["success"] += 1
        self._is_good, self._good_since = True, self._clock()
        log.info("loaded the configuration again", extra={"fields": _summary(succession)})
        if waiting:
            log.warning(
                "these changes of the configuration wait for a restart: %s", ", ".join(waiting)
            )

    async def _go_back(self) -> None:
        try:
            connect(self._config.instances)
            await self._use(self._config)
        except Exception:
            log.exception("the last configuration cannot be used again")

    def _failed(self, problems: list[str]) -> None:
        self._outcomes["failure"] += 1
        self._is_good = False
        for problem in problems:
            log.error("%s", problem)
        log.error("the changed configuration cannot be used, keeping the last good one")


def _summary(succession: Succession) -> dict[str, object]:
    lists = {
        "unchanged": succession.kept,
        "changed": succession.heirs,
        "new": succession.fresh,
        "removed": succession.gone,
    }
    return {name: list(names) for name, names in lists.items() if names}


def _stamp(path: Path) -> _Stamp:
    """Return what is different for another text; the same for all that cannot be read."""
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
