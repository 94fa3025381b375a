"""Puts the parts together, runs them, and takes them down in order."""

import asyncio
import gc
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from epp.api.endpoint import Candidate
from epp.api.plugin import DecisionAmender, PreAdmitter, Screener
from epp.config.loader import Config
from epp.datalayer.pool import Pool
from epp.director.conditional import conditional
from epp.director.director import Director, Routing
from epp.director.intent import Intents
from epp.discovery.file import FileDiscovery
from epp.metrics.recorder import EppMetrics
from epp.plugins.discovery.file import FileDiscovery as FileDiscoveryPlugin
from epp.scheduling.scheduler import Scheduler
from epp.scheduling.scored import scored
from epp.scheduling.timing import timed
from epp.server import certificates
from epp.server.admission import Admissions
from epp.server.extproc import Serving
from epp.server.flags import Parsed
from epp.server.front import Front, listen
from epp.server.generation import Generations, TimedGeneration
from epp.server.health import Health
from epp.server.http import HttpServer
from epp.server.insight import Insight
from epp.server.kubernetes import guard_for, kubernetes_for, target_from
from epp.server.notifications import Notifications
from epp.server.polling import Polls
from epp.server.prefix_metrics import follow_prefix_caches
from epp.server.reload import own_instance, reload_for
from epp.server.responses import stream_settings
from epp.server.services import Services
from epp.server.workers.processes import Workers
from epp.transport.server import GrpcServer

log = logging.getLogger("setup")


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
            ported=self._scraper.use_ports,
        )
        self._certificates = certificates.for_metrics(options)
        self._http = HttpServer(
            self._health,
            self._insight.pages(self._pool, self._intents, self._health, lambda: self._settings),
            guard_for(self._kubernetes, requires_auth=options.metrics_endpoint_auth),
        )
        self._metrics.follow_pool(target.name if target else "file", self._candidates_if_synced)
        self._admissions = Admissions(self._pool, self._metrics.flow)
        self._reload = reload_for(options, config, self._use)
        self._metrics.parts += own_instance(self._reload)
        if self._kubernetes is not None:
            self._metrics.parts += self._kubernetes.instances
        self._director = Director(
            self._pool,
            self._routing(config),
            self._metrics,
            touch=self._scraper.touch,
            intents=self._intents,
        )
        self._parsed = parsed
        self._settings = stream_settings(parsed, config, self._metrics)
        health_methods = self._health.methods()
        self._front: Front | Workers
        if options.workers:
            self._front = Workers(parsed, config, self._director, self._metrics, self._health)
        else:
            serving = Serving(self._director, self._metrics, self._settings, self._insight.watchers)
            checked = health_methods if options.health_checking else {}
            self._front = Front(options, serving, checked)
        self._health_server = GrpcServer(health_methods)
        self._instances = config.instances
        self._services = Services(self._pool)
        namespace = self._kubernetes.namespace if self._kubernetes else ""
        server = self._kubernetes.server if self._kubernetes and namespace else None
        self._notifications = Notifications(config.data.events, self._pool, server, namespace)

    async def start(self) -> None:
        """Open the ports, then find the endpoints; ready when both is done."""
        self._insight.announce()
        options = self._options
        secured = self._certificates.start() if self._certificates else None
        await listen("--metrics-port", self._http.start(self._host, options.metrics_port, secured))
        await listen(
            "--grpc-health-port", self._health_server.start(self._host, options.grpc_health_port)
        )
        await self._front.start()
        if self._file is not None:
            await self._file.start()
            self._health.meet("synced")
        if self._kubernetes is not None:
            await self._kubernetes.start()
        await self._scraper.start()
        await self._notifications.start()
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
                    "grpcPort": self._front.port,
                    "grpcHealthPort": self._health_server.port,
                    "metricsPort": options.metrics_port,
                    "endpoints": len(self._pool),
                    "tls": options.secure_serving,
                }
            },
        )

    async def drain(self) -> None:
        """Hand the lead over, turn new requests away and let the open ones end."""
        log.info("draining", extra={"fields": {"streams": self._front.open_streams}})
        # To whom nobody was sent, because it starts or stands by, nobody comes any more.
        delay = self._options.drain_delay if self._health.is_ready else 0.0
        ends = asyncio.get_running_loop().time() + delay
        if self._kubernetes is not None:
            await self._kubernetes.drain(self._options.drain_timeout, patience=delay)
        await asyncio.sleep(max(0.0, ends - asyncio.get_running_loop().time()))
        self._health.meet("not draining", is_met=False)
        await self._front.drain()
        self._admissions.close()

    async def stop(self) -> None:
        """Release everything."""
        if self._reload is not None:
            await self._reload.stop()
        await self._notifications.stop()
        await self._services.stop()
        if self._file is not None:
            await self._file.stop()
        if self._kubernetes is not None:
            await self._kubernetes.stop()
        await self._scraper.stop()
        await self._front.stop()
        await self._health_server.stop()
        await self._http.stop()
        if self._certificates is not None:
            self._certificates.stop()
        await self._insight.stop()

    def _routing(self, config: Config) -> Routing:
        """Return what decides by a configuration, and let the metrics follow its plugins."""
        follow_prefix_caches(config.instances, self._metrics)
        self._metrics.instances = config.instances
        profiles, handler = config.profiles, config.handler
        if self._options.emit_endpoint_scores:
            profiles, handler = scored(profiles, handler)
        scheduler = Scheduler(profiles, handler, config.instances)
        generation = self._generations.begin(scheduler)
        insight = self._insight
        with_times = timed(scheduler, insight.time_plugin, insight.note_trespass)
        return Routing(
            *self._insight.schedulers(
                config, scheduler, generation, TimedGeneration(generation, with_times)
            ),
            config.producers,
            config.admitters,
            [
                *(i.plugin for i in config.instances if isinstance(i.plugin, DecisionAmender)),
                *conditional(config, self._options.compat),
            ],
            *self._admissions.make(config),
            [i.plugin for i in config.instances if isinstance(i.plugin, Screener)],
            [i.plugin for i in config.instances if isinstance(i.plugin, PreAdmitter)],
        )

    async def _use(self, config: Config) -> None:
        """Decide by another configuration from now on; open streams keep their settings."""
        await self._scraper.use(config.data)
        await self._services.run(config.instances)
        self._director.use(self._routing(config))
        self._settings = stream_settings(self._parsed, config, self._metrics)
        self._front.use(config, self._settings)

    def _candidates_if_synced(self) -> Sequence[Candidate] | None:
        return self._pool.snapshot() if self._pool.is_synced else None


def _file_discovery(config: Config, pool: Pool, metrics: EppMetrics) -> FileDiscovery | None:
    """Return the reader of the endpoints file that the configuration names; None if it names none.

    Without one the endpoints are Kubernetes' business.
    """
    plugin = config.discovery.plugin if config.discovery else None
    if not isinstance(plugin, FileDiscoveryPlugin):
        return None
    return FileDiscovery(Path(plugin.path), pool, metrics, is_watched=plugin.watch_file)
