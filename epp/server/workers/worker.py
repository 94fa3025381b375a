"""One transport process: its port, its streams, and the socket to the scheduling process."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable

from epp.api.errors import ConfigError
from epp.api.plugin import ReadsBody
from epp.config.loader import Config
from epp.extproc.settings import StreamSettings
from epp.metrics.sharing import shared
from epp.server.extproc import Serving
from epp.server.flags import Parsed
from epp.server.front import Front
from epp.server.health import Health
from epp.server.insight import Insight
from epp.server.responses import stream_settings
from epp.server.workers.channel import Channel, Kind, Message
from epp.server.workers.remote import RemoteDirector

log = logging.getLogger("setup")


async def run(parsed: Parsed, read_config: Callable[[], Config], descriptor: int) -> None:
    """Serve until the scheduling process says so, or is gone.

    Args:
        parsed: the flags of the scheduling process.
        read_config: reads its configuration.
        descriptor: this process's end of the socket pair.

    Raises:
        StartError: the port or the certificate cannot be used.
        ConfigError: the configuration cannot be used.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # These reach all processes of a terminal; it is the scheduling process that decides.
        signal.signal(number, signal.SIG_IGN)
    worker = _Worker(parsed, read_config)
    try:
        await worker.start(socket.socket(fileno=descriptor))
        await worker.ending.wait()
        await worker.front.drain()
    finally:
        await worker.stop()


class _Worker:
    def __init__(self, parsed: Parsed, read_config: Callable[[], Config]) -> None:
        self._parsed = parsed
        self._read_config = read_config
        self.ending = asyncio.Event()
        self._insight = Insight(parsed)
        self._metrics = self._insight.metrics
        self._remote = RemoteDirector(self._send, self._is_stuck)
        self._health = Health()
        self._health.meet("started")
        settings = self._settings(read_config())
        serving = Serving(self._remote, self._metrics, settings, self._insight.watchers)
        is_checked = parsed.options.health_checking
        methods = self._health.methods() if is_checked else {}
        self.front = Front(parsed.options, serving, methods, is_shared=True)
        self._channel: Channel | None = None

    async def start(self, end: socket.socket) -> None:
        self._channel = await Channel.open(end, self._take, self._lost)
        await self.front.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._send(Kind.LISTENING)

    async def stop(self) -> None:
        await self.front.stop()
        await self._insight.stop()
        if self._channel is not None:
            self._channel.close()

    def _send(self, *message: object) -> None:
        if self._channel is not None:
            self._channel.send(*message)

    def _is_stuck(self) -> bool:
        return self._channel is not None and self._channel.is_stuck

    def _take(self, message: Message) -> None:
        kind, *values = message
        if kind == Kind.DECIDED:
            self._remote.decided(*values)
        elif kind == Kind.REFUSED:
            self._remote.refused(*values)
        elif kind == Kind.REVOKE:
            self._remote.revoked(*values)
        elif kind == Kind.ASK_STATE:
            self._send(Kind.STATE, values[0], shared(self._metrics))
        elif kind == Kind.READY:
            self._health.meet("synced", is_met=values[0])
        elif kind == Kind.PROMPT_BYTES:
            (self._remote.prompt_bytes,) = values
        elif kind == Kind.RELOAD:
            self._reload()
        elif kind == Kind.DRAIN:
            self.ending.set()

    def _reload(self) -> None:
        try:
            config = self._read_config()
        except ConfigError as error:  # changed again meanwhile: the next one follows
            log.warning("the configuration cannot be used: %s", error.problems[0])
            return
        self.front.use(self._settings(config))

    def _settings(self, config: Config) -> StreamSettings:
        plugins = [instance.plugin for instance in config.instances]
        self._remote.sends_body = any(
            isinstance(plugin, ReadsBody) and plugin.reads_body for plugin in plugins
        )
        return stream_settings(self._parsed, config, self._metrics)

    def _lost(self) -> None:
        """Answer whoever waits, and end: without the scheduling process nothing can be decided."""
        self._remote.lost()
        self.ending.set()
