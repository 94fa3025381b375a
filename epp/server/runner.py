"""Puts the parts together, runs them, and takes them down in order."""

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import Awaitable, Sequence
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
from epp.server.errors import StartError
from epp.server.extproc import PROCESS, ExtProcCall, Serving
from epp.server.flags import Parsed
from epp.server.health import Health
from epp.server.http import HttpServer
from epp.server.kubernetes import guard_for, kubernetes_for, target_from
from epp.server.pages import pages
from epp.server.polling import Polls
from epp.server.prefix_metrics import follow_prefix_caches
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
        self._metrics = EppMetrics()
        self._pool = Pool(staleness_seconds=options.metrics_staleness_threshold)
        self._intents = Intents()
        follow_prefix_caches(config.instances, self._metrics)
        self._scheduler = Scheduler(config.profiles, config.handler, config.instances)
        self._pool.observe(self._scheduler)
        self._pool.observe(self._metrics)
        self._metrics.instances = config.instances
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
            pages(self._metrics),
            guard_for(self._kubernetes, requires_auth=options.metrics_endpoint_auth),
        )
        self._metrics.follow_pool(target.name if target else "file", self._candidates_if_synced)
        serving = Serving(
            Director(
                self._pool,
                Routing(
                    self._scheduler,
                    timed(self._scheduler, self._time_plugin),
                    config.producers,
                    config.admitters,
                ),
                self._metrics,
                touch=self._scraper.touch,
                intents=self._intents,
            ),
            self._metrics,
            stream_settings(parsed, config, self._metrics),
        )
        methods = {PROCESS: lambda call: ExtProcCall(call, serving)}
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

    async def stop(self) -> None:
        """Release everything."""
        if self._certificates is not None:
            self._certificates.cancel()
        await self._services.stop()
        if self._file is not None:
            await self._file.stop()
        if self._kubernetes is not None:
            await self._kubernetes.stop()
        await self._scraper.stop()
        await self._server.stop()
        await self._health_server.stop()
        await self._http.stop()

    def _time_plugin(
        self, extension_point: str, plugin_type: str, plugin_name: str, seconds: float
    ) -> None:
        self._metrics.plugin_timer(extension_point, plugin_type, plugin_name).observe(seconds)

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
