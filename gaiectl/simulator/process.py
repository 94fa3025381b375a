"""The process: listen, say so, serve until SIGTERM, drain, end."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aiohttp import web

from gaiectl.errors import Exit, GaieError
from gaiectl.simulator.admin import die
from gaiectl.simulator.flags import parse_flags
from gaiectl.simulator.kv_publisher import KvPublisher
from gaiectl.simulator.server import build_app
from gaiectl.simulator.settings import Settings
from gaiectl.simulator.state import ModelServer
from gaiectl.simulator.tls import context_for

_KEEP_ALIVE = 3900.0
"""Seconds; longer than proxies keep idle connections, so that never both ends act at once."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve all ranks until ``stop`` is set and running requests are done.

    Raises:
        GaieError: a port cannot be had, or the library for KV events is not installed.
    """
    tls = context_for(settings.serving)
    alone = settings.data_parallel.data_parallel_rank
    ranks = range(settings.data_parallel.data_parallel_size) if alone is None else [alone]
    servers, runners = [], []
    publishers: list[KvPublisher] = []
    try:
        for offset, rank in enumerate(ranks):
            server = ModelServer(settings, rank=rank)
            for name in settings.failures.fault:
                server.faults.switch_on(name)
            runner = web.AppRunner(
                build_app(server),
                access_log=None,
                handler_cancellation=True,
                keepalive_timeout=_KEEP_ALIVE,
                shutdown_timeout=1.0,
            )
            runners.append(runner)
            await runner.setup()
            port = settings.serving.port and settings.serving.port + offset
            site = web.TCPSite(runner, settings.serving.host, port, ssl_context=tls, backlog=1024)
            try:
                await site.start()
            except OSError as error:
                raise GaieError(
                    f"cannot listen on {settings.serving.host}:{port}: {error.strerror or error}",
                    hint="choose another --port, or --port 0 for a free one",
                ) from error
            port = runner.addresses[0][1]
            server.listens_on(port)
            servers.append(server)
            publishers += _publishers(server)
            scheme = "https" if tls else "http"
            shown = _bracketed(settings.serving.host)
            sys.stdout.write(f"listening on {scheme}://{shown}:{port}\n")
            sys.stdout.flush()
        if "exit" in settings.failures.fault:
            die()
        await stop.wait()
        await _drain(servers, runners, settings.serving.drain_timeout)
    finally:
        for runner in runners:
            await runner.cleanup()
        for publisher in publishers:
            publisher.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _publishers(server: ModelServer) -> Iterator[KvPublisher]:
    """Yield who publishes the server's KV-cache events, if they are published."""
    serving, model, cache = server.settings.serving, server.settings.model, server.settings.kv_cache
    config = cache.published
    if config is None or server.kv_events is None:
        return
    if not config.topic and config is not cache.kv_events_config:
        # llm-d-inference-sim's; vLLM's own default is the empty one.
        host = _bracketed(cache.pod_ip or serving.host)
        config = replace(config, topic=f"kv@{host}:{serving.port}@{model.model}")
    yield KvPublisher(
        server.kv_events,
        config,
        rank=server.rank,
        batch=cache.event_batch_size,
        as_maps=cache.use_vllm_map_event_format,
    )


async def _drain(
    servers: Sequence[ModelServer], runners: Sequence[web.AppRunner], timeout: float
) -> None:
    """Accept nothing new, let what runs end, and tell health checks."""
    for server in servers:
        server.draining = True
    for runner in runners:
        for site in list(runner.sites):
            await site.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            for server in servers:
                await server.quiet.wait()
    left = sum(server.open_requests for server in servers)
    if left:
        sys.stderr.write(f"{left} requests cut off: --drain-timeout is over\n")


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def run(argv: Sequence[str]) -> int:
    """Run a simulator with these flags until it is told to stop; return the exit code.

    Raises:
        GaieError: the flags make no sense, or the port cannot be had.
        SystemExit: after ``--help``.
    """
    settings = parse_flags(argv, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    loop_factory = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - optional

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_main(settings))
    return Exit.OK
