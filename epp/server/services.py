"""Starts and stops the plugins that work in the background."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from epp.api.endpoint import Candidate
from epp.api.errors import ConfigError, Problem
from epp.api.plugin import Instance, Service
from epp.datalayer.pool import Pool

log = logging.getLogger("setup")


class PoolHost:
    """What the server offers to plugins: a view of the pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def candidates(self) -> Sequence[Candidate]:
        """Return the endpoints alive now, and what is known of them."""
        return self._pool.snapshot()

    def on_endpoints(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever endpoints came or went; return the undo."""

        def call() -> None:
            try:
                listener()
            except Exception:
                # Others wait for the change, and who found it must go on.
                log.exception("a plugin failed to follow the endpoints")

        return self._pool.on_change(call)


class Services:
    """The background plugins that run now."""

    def __init__(self, pool: Pool) -> None:
        self._host = PoolHost(pool)
        self._running: dict[int, Instance] = {}

    async def run(self, instances: Iterable[Instance]) -> None:
        """Make exactly these run: start the new ones, stop those that are not among them.

        Raises:
            ConfigError: a plugin cannot do what it was configured for.
        """
        wanted = {id(i.plugin): i for i in instances if isinstance(i.plugin, Service)}
        for key, instance in list(self._running.items()):
            if key not in wanted:
                del self._running[key]
                await _stop(instance)
        for key, instance in wanted.items():
            if key not in self._running:
                self._running[key] = instance
                assert isinstance(instance.plugin, Service)
                try:
                    await instance.plugin.start(self._host)
                except ConfigError as error:
                    raise ConfigError(_of(instance, error.problems)) from error

    async def stop(self) -> None:
        """Stop all."""
        await self.run(())


def _of(instance: Instance, problems: Iterable[Problem]) -> list[Problem]:
    """Return problems that know no file as those of a plugin."""
    whose = f"plugin {instance.name}"
    return [replace(p, file=whose) if p.file == "<text>" else p for p in problems]


async def _stop(instance: Instance) -> None:
    assert isinstance(instance.plugin, Service)
    try:
        await instance.plugin.stop()
    except Exception:
        log.exception("plugin %s failed to stop", instance.name)
