"""One transport process: its port, its streams, and the socket to the scheduling process."""

import asyncio
import gc
import os
import signal
import socket
from dataclasses import replace

from epp.api.plugin import ReadsBody, ResponseHead
from epp.api.request import Decision, Request
from epp.config.loader import Config, load
from epp.config.succession import succeed
from epp.extproc.hooks import ResponseHooks
from epp.extproc.settings import StreamSettings
from epp.metrics.sharing import shared
from epp.server.extproc import ExtProcCall, Serving
from epp.server.flags import Parsed
from epp.server.front import Front
from epp.server.health import Health
from epp.server.insight import Insight
from epp.server.responses import stream_settings
from epp.server.workers.channel import Channel, Kind, Message
from epp.server.workers.held import AskingHooks, HeldCall
from epp.server.workers.messages import MOST_PROMPT_BYTES
from epp.server.workers.placement import Placement, placement
from epp.server.workers.remote import RemoteDirector
from epp.transport.call import Call


async def run(parsed: Parsed, descriptor: int) -> None:
    """Serve until the scheduling process says so, or is gone.

    Args:
        parsed: the flags of the scheduling process.
        descriptor: this process's end of the socket pair.

    Raises:
        StartError: the port or the certificate cannot be used.
        ConfigError: the configuration cannot be used here.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # These reach all processes of a terminal; it is the scheduling process that decides.
        signal.signal(number, signal.SIG_IGN)
    worker = _Worker(parsed)
    try:
        await worker.start(socket.socket(fileno=descriptor))
        await worker.ending.wait()
        await worker.drain()
    finally:
        await worker.stop()


_ASKED = ResponseHooks(())
"""Stands for hooks of which each stream has its own."""


class _TellingHooks(ResponseHooks):
    """Those that are asked here, and a word to those in the deciding process that listen."""

    def __init__(self, placed: Placement, remote: RemoteDirector) -> None:
        super().__init__(placed.here)
        self._remote = remote

    def __bool__(self) -> bool:
        return True

    def began(
        self, request: Request | None, decision: Decision | None, head: ResponseHead
    ) -> bytes:
        """Return the entries of a HeaderMutation that plugins here want in the response."""
        self._remote.responded(request, head)
        return super().began(request, decision, head)


class _Worker:
    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self.ending = asyncio.Event()
        self._insight = Insight(parsed)
        self._metrics = self._insight.metrics
        self._remote = RemoteDirector(self._send, self._send_along, self._is_stuck)
        self._health = Health()
        self._health.meet("started")
        self._texts: asyncio.Queue[str] = asyncio.Queue()
        self._config: Config | None = None
        self._front: Front | None = None
        self._channel: Channel | None = None

    async def start(self, end: socket.socket) -> None:
        self._channel = await Channel.open(end, self._take, self._lost)
        text = await self._texts.get()
        if self.ending.is_set():
            return
        self._config = load(text, environment=os.environ)
        settings = self._settings(self._config)
        serving = Serving(self._remote, self._metrics, settings, self._insight.watchers)
        options = self._parsed.options
        methods = self._health.methods() if options.health_checking else {}
        self._front = Front(options, serving, methods, is_shared=True, serve=self._serve)
        while not self._texts.empty():
            self._reload(self._texts.get_nowait())
        await self._front.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._send(Kind.LISTENING)

    async def drain(self) -> None:
        if self._front is not None:
            await self._front.drain()

    async def stop(self) -> None:
        if self._front is not None:
            await self._front.stop()
        await self._insight.stop()
        if self._channel is not None:
            self._channel.close()

    def _send(self, *message: object) -> None:
        if self._channel is not None:
            self._channel.send(*message)

    def _send_along(self, *message: object) -> None:
        if self._channel is not None:
            self._channel.send_along(*message)

    def _is_stuck(self) -> bool:
        return self._channel is not None and self._channel.is_stuck

    def _take(self, message: Message) -> None:
        kind = message[0]
        if kind == Kind.DECIDED:
            self._remote.decided(message[1], message[2], message[3], message[4])
            return
        values = message[1:]
        if kind == Kind.REFUSED:
            self._remote.refused(*values)
        elif kind == Kind.REVOKE:
            self._remote.revoked(*values)
        elif kind == Kind.ASK_STATE:
            self._send(Kind.STATE, values[0], shared(self._metrics))
        elif kind == Kind.READY:
            self._health.meet("synced", is_met=values[0])
        elif kind == Kind.PROMPT_BYTES:
            (self._remote.prompt_bytes,) = values
        elif kind == Kind.ANSWERED:
            self._remote.answered(*values)
        elif kind == Kind.CONFIG:
            if self._front is None:
                self._texts.put_nowait(*values)
            else:
                self._reload(*values)
        elif kind == Kind.DRAIN:
            self.ending.set()

    def _reload(self, text: str) -> None:
        """Use another configuration; the scheduling process has found that it can be used."""
        assert self._config is not None
        assert self._front is not None
        self._config = succeed(self._config, load(text, environment=os.environ)).config
        self._front.use(self._config, self._settings(self._config))

    def _settings(self, config: Config) -> StreamSettings:
        plugins = [instance.plugin for instance in config.instances]
        self._remote.sends_body = any(
            isinstance(plugin, ReadsBody) and plugin.reads_body for plugin in plugins
        )
        self._remote.prompt_bytes = MOST_PROMPT_BYTES  # until what is looked at now is known
        settings = stream_settings(self._parsed, config, self._metrics)
        placed = placement(config.instances)
        hooks = settings.hooks
        if placed.asks:
            hooks = _ASKED
        elif placed.listeners:
            hooks = _TellingHooks(placed, self._remote)
        return replace(settings, hooks=hooks)

    def _serve(self, call: Call, serving: Serving) -> ExtProcCall:
        settings = serving.settings
        if settings.hooks is not _ASKED:
            return ExtProcCall(call, serving)
        held = HeldCall(call)
        hooks = AskingHooks(held, self._remote.ask_responded, self._remote.ask_ended)
        return ExtProcCall(held, replace(serving, settings=replace(settings, hooks=hooks)))

    def _lost(self) -> None:
        """Answer whoever waits, and end: without the scheduling process nothing can be decided."""
        self._remote.lost()
        self.ending.set()
        self._texts.put_nowait("")
