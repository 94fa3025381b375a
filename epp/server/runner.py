"""Puts the parts together, runs them, and takes them down in order."""

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

from epp.api.endpoint import Candidate
from epp.config.loader import Config
from epp.datalayer.pool import Pool
from epp.director.director import Director, Routing
from epp.director.intent import Intents
from epp.discovery.file import FileDiscovery
from epp.metrics.recorder import EppMetrics
from epp.plugins.discovery.file import FileDiscovery as FileDiscoveryPlugin
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.timing import timed
from epp.server.admission import Admissions
from epp.server.errors import StartError
from epp.server.extproc import PROCESS, ExtProcCall, Serving
from epp.server.flags import Parsed
from epp.server.generation import Generations, TimedGeneration
from epp.server.health import Health
from epp.server.http import HttpServer
from epp.server.insight import Insight
from epp.server.kubernetes import guard_for, kubernetes_for, target_from
from epp.server.polling import Polls
from epp.server.prefix_metrics import follow_prefix_caches
from epp.server.reload import own_instance, reload_for
from epp.server.responses import stream_settings
from epp.server.services import Services
from epp.transport import tls
from epp.transport.limits import Limits
from epp.transport.server import GrpcServer

log = logging.getLogger("setup")

_CERTIFICATE_CHECK_SECONDS = 5.0
_LAME_DUCK_SECONDS = 2.0
_MESSAGE_OVERHEAD = 1024 * 1024


async def run(parsed: Parsed, config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        StartError: an address, a certificate or the discovery cannot be used.
        ConfigError: the endpoints file cannot be used.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    epp = Epp(parsed, config)
    try:
        await epp.start()
        await stopping.wait()
        # A second signal ends the process at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await epp.drain()
    finally:
        await epp.stop()


class Epp:
    """One Endpoint Picker: the composition root."""

    def __init__(self, parsed: Parsed, config: Config) -> None:
        options = parsed.options
        self._options = options
        self._host = options.bind_address or None
        self._insight = Insight(parsed)
        self._metrics = self._insight.metrics
        self._pool = Pool(staleness_seconds=options.metrics_staleness_threshold)
        self._intents = Intents()
        self._generations = Generations()
        self._pool.observe(self._generations)
        self._pool.observe(self._metrics)
        self._scraper = Polls(parsed, config.data, self._pool, self._metrics)
        self._health = Health(elects=options.ha_enable_leader_election)
        self._file = _file_discovery(config, self._pool, self._metrics)
        target = None if self._file else target_from(options)
        self._kubernetes = kubernetes_for(
            options,
            target,
            pool=self._pool,
            intents=self._intents,
            metrics=self._metrics,
            health=self._health,
        )
        self._http = HttpServer(
            self._health,
            self._insight.pages(
                self._pool, self._intents, self._health, lambda: self._serving.settings
            ),
            guard_for(self._kubernetes, requires_auth=options.metrics_endpoint_auth),
        )
        self._metrics.follow_pool(target.name if target else "file", self._candidates_if_synced)
        self._admissions = Admissions(self._pool, self._metrics.flow)
        self._reload = reload_for(options, config, self._use)
        self._metrics.parts += own_instance(self._reload)
        if self._kubernetes is not None:
            self._metrics.parts.append(self._kubernetes.instance)
        self._director = Director(
            self._pool,
            self._routing(config),
            self._metrics,
            touch=self._scraper.touch,
            intents=self._intents,
        )
        self._parsed = parsed
        self._serving = Serving(
            self._director,
            self._metrics,
            stream_settings(parsed, config, self._metrics),
            self._insight.watchers,
        )
        methods = {PROCESS: lambda call: ExtProcCall(call, self._serving)}
        limits = Limits(max_message_bytes=options.max_request_body_bytes + _MESSAGE_OVERHEAD)
        health_methods = self._health.methods()
        self._server = GrpcServer(
            {**methods, **(health_methods if options.health_checking else {})}, limits=limits
        )
        self._health_server = GrpcServer(health_methods)
        self._certificates: asyncio.Task[None] | None = None
        self._instances = config.instances
        self._services = Services(self._pool)

    async def start(self) -> None:
        """Open the ports, then find the endpoints; ready when both is done."""
        self._insight.announce()
        options = self._options
        context = self._tls() if options.secure_serving else None
        await _listen("--metrics-port", self._http.start(self._host, options.metrics_port))
        await _listen(
            "--grpc-health-port", self._health_server.start(self._host, options.grpc_health_port)
        )
        await _listen("--grpc-port", self._server.start(self._host, options.grpc_port, context))
        if self._file is not None:
            await self._file.start()
            self._health.meet("synced")
        if self._kubernetes is not None:
            await self._kubernetes.start()
        await self._scraper.start()
        await self._services.run(self._instances)
        if self._reload is not None:
            self._reload.start()
        # What exists now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self._health.meet("started")
        log.info(
            "serving",
            extra={
                "fields": {
                    "grpcPort": self._server.port,
                    "grpcHealthPort": self._health_server.port,
                    "metricsPort": options.metrics_port,
                    "endpoints": len(self._pool),
                    "tls": options.secure_serving,
                }
            },
        )

    async def drain(self) -> None:
        """Turn new requests away and let the open ones end.

        Readiness goes first. Until everybody has noticed, requests are served as before: a GOAWAY
        at once would only make peers come back, to connections that end under their requests.
        """
        options = self._options
        log.info("draining", extra={"fields": {"streams": self._server.open_streams}})
        self._health.meet("not draining", is_met=False)
        if self._kubernetes is not None:
            await self._kubernetes.drain()
        had_peers = bool(self._server.connections)
        if had_peers:
            await asyncio.sleep(min(_LAME_DUCK_SECONDS, options.drain_timeout))
        if not await self._server.drain(options.drain_timeout):
            log.warning(
                "streams were still open after the drain timeout",
                extra={"fields": {"streams": self._server.open_streams}},
            )
        self._admissions.close()

    async def stop(self) -> None:
        """Release everything."""
        if self._certificates is not None:
            self._certificates.cancel()
        if self._reload is not None:
            await self._reload.stop()
        await self._services.stop()
        if self._file is not None:
            await self._file.stop()
        if self._kubernetes is not None:
            await self._kubernetes.stop()
        await self._scraper.stop()
        await self._server.stop()
        await self._health_server.stop()
        await self._http.stop()
        await self._insight.stop()

    def _routing(self, config: Config) -> Routing:
        """Return what decides by a configuration, and let the metrics follow its plugins."""
        follow_prefix_caches(config.instances, self._metrics)
        self._metrics.instances = config.instances
        scheduler = Scheduler(config.profiles, config.handler, config.instances)
        generation = self._generations.begin(scheduler)
        with_times = timed(scheduler, self._insight.time_plugin)
        return Routing(
            *self._insight.schedulers(
                config, scheduler, generation, TimedGeneration(generation, with_times)
            ),
            config.producers,
            config.admitters,
            *self._admissions.make(config),
        )

    async def _use(self, config: Config) -> None:
        """Decide by another configuration from now on; open streams keep their settings."""
        await self._services.run(config.instances)
        self._director.use(self._routing(config))
        settings = stream_settings(self._parsed, config, self._metrics)
        self._serving = replace(self._serving, settings=settings)

    def _candidates_if_synced(self) -> Sequence[Candidate] | None:
        return self._pool.snapshot() if self._pool.is_synced else None

    def _tls(self) -> ssl.SSLContext:
        options = self._options
        if not options.cert_path:
            return tls.self_signed()
        directory = Path(options.cert_path)
        try:
            context = tls.from_directory(directory)
        except (OSError, ssl.SSLError) as error:
            raise StartError(
                f"--cert-path {directory}: {error}; it must hold tls.crt and tls.key in PEM"
            ) from error
        if options.enable_cert_reload:
            watch = tls.CertificateWatch(directory, context)
            self._certificates = asyncio.create_task(_follow_certificates(watch))
        return context


def _file_discovery(config: Config, pool: Pool, metrics: EppMetrics) -> FileDiscovery | None:
    """Return the reader of the endpoints file that the configuration names; None if it names none.

    Without one the endpoints are Kubernetes' business.
    """
    plugin = config.discovery.plugin if config.discovery else None
    if not isinstance(plugin, FileDiscoveryPlugin):
        return None
    return FileDiscovery(Path(plugin.path), pool, metrics, is_watched=plugin.watch_file)


async def _follow_certificates(watch: tls.CertificateWatch) -> None:
    said = ""
    while True:
        await asyncio.sleep(_CERTIFICATE_CHECK_SECONDS)
        try:
            if watch.reload_if_changed():
                log.info("loaded the certificate again")
            said = ""
        except (OSError, ssl.SSLError) as error:
            if str(error) != said:
                said = str(error)
                log.warning("the changed certificate cannot be used, keeping the old: %s", said)


async def _listen(flag: str, starting: Awaitable[None]) -> None:
    try:
        await starting
    except OSError as error:
        raise StartError(f"cannot listen on the port of {flag}: {error}") from error
