"""Polls the endpoints as configuration and flags say together."""

import ssl
from collections.abc import Sequence
from typing import Any

from epp.api.endpoint import Endpoint
from epp.api.plugin import Instance
from epp.config.data_layer import DataSettings, Feed
from epp.datalayer.intake import AttributeIntake
from epp.datalayer.pool import Pool
from epp.datalayer.scraper import Poller, Scraper
from epp.datalayer.sources import Extractor, LoadExtractor, PolledSource, Polling
from epp.datalayer.target import Plan, Terms
from epp.datalayer.tls import ClientTls
from epp.metrics.recorder import EppMetrics
from epp.server.engine import engines_from
from epp.server.errors import StartError
from epp.server.flags import Parsed

TIMEOUT_SECONDS = 1.0
_PORT_FLAG = "model_server_metrics_port"
_MISSED = 3
"""Polls without an answer after which what is known of an endpoint is dropped."""


class Polls:
    """Everything that is asked of the endpoints, while it runs.

    Args:
        parsed: the flags.
        data: what the configuration says.
        pool: whose endpoints are asked.
        metrics: count polls and their failures.

    Raises:
        StartError: flags and configuration contradict each other, or a certificate cannot be used.
    """

    def __init__(self, parsed: Parsed, data: DataSettings, pool: Pool, metrics: EppMetrics) -> None:
        self._parsed = parsed
        self._pool = pool
        self._metrics = metrics
        self._data = data
        self._has_one_port = len(parsed.options.endpoint_target_ports) <= 1
        self._load = self._scraper(data)
        self._others = [self._poller(feed) for feed in data.polled]
        self._is_running = False

    async def start(self) -> None:
        """Begin."""
        self._is_running = True
        for poller in self._pollers():
            await poller.start()

    async def stop(self) -> None:
        """End: no task, timer or connection is left."""
        self._is_running = False
        for poller in self._pollers():
            await poller.stop()

    async def use(self, data: DataSettings) -> None:
        """Go by another configuration from now on.

        Raises:
            StartError: as on making; what ran before runs on.
        """
        if data != self._data:
            await self._exchange(data)

    async def use_ports(self, ports: Sequence[int]) -> None:
        """Take the target ports: --model-server-metrics-port is for endpoints with only one."""
        has_one = len(ports) <= 1
        if has_one == self._has_one_port:
            return
        self._has_one_port = has_one
        if _PORT_FLAG in self._parsed.given:
            await self._exchange(self._data)

    async def _exchange(self, data: DataSettings) -> None:
        load, others = self._scraper(data), [self._poller(feed) for feed in data.polled]
        was_running = self._is_running
        await self.stop()
        self._data, self._load, self._others = data, load, others
        if was_running:
            await self.start()

    def touch(self) -> None:
        """Note that a request came; to be called for each one, costs next to nothing."""
        if self._load is not None:
            self._load.touch()

    def _pollers(self) -> Sequence[Poller]:
        return [*([self._load] if self._load else []), *self._others]

    def _scraper(self, data: DataSettings) -> Scraper | None:
        engines = engines_from(self._parsed, data.load_extractor)
        if not data.reads_load:
            return None
        extractor = data.load_extractor.plugin if data.load_extractor else None
        polling = with_flags(_polling(data.load_source), self._parsed, data.load_source)
        interval = self._parsed.options.refresh_metrics_interval
        return Scraper(
            self._pool,
            self._metrics,
            interval_seconds=_rounded(polling.interval, interval),
            engines=engines,
            tls=_tls(polling, data.load_source),
            path=polling.path or "",
            port=0 if self._ignores_port() else polling.port or 0,
            attributes=extractor.attributes if isinstance(extractor, LoadExtractor) else None,
        )

    def _ignores_port(self) -> bool:
        return _PORT_FLAG in self._parsed.given and not self._has_one_port

    def _poller(self, feed: Feed) -> Poller:
        source = feed.source.plugin
        assert isinstance(source, PolledSource)
        polling = source.polling()
        tick = self._parsed.options.refresh_metrics_interval
        interval = _rounded(polling.interval, tick)
        extractors = [
            (one.type, one.plugin) for one in feed.extractors if isinstance(one.plugin, Extractor)
        ]
        terms = Terms(
            subject=source.subject,
            accept=source.accept,
            interval_seconds=interval,
            timeout_seconds=TIMEOUT_SECONDS,
            tls=_tls(polling, feed.source),
            port=polling.port or 0,
        )
        topic = _Attributes(
            feed.source.type,
            polling.path or "/metrics",
            extractors,
            self._metrics,
            keep_seconds=max(self._pool.staleness_seconds, _MISSED * interval),
        )
        return Poller(
            self._pool,
            topic,
            terms,
            interval_seconds=interval,
            idle_interval_seconds=interval,
        )


class _Attributes:
    """The topic of a data source whose answers become attributes of endpoints."""

    def __init__(
        self,
        source_type: str,
        path: str,
        extractors: Sequence[tuple[str, Extractor]],
        metrics: EppMetrics,
        *,
        keep_seconds: float,
    ) -> None:
        self._source_type = source_type
        self._plan = Plan(path)
        self._extractors = extractors
        self._metrics = metrics
        self._keep = keep_seconds

    def plan(self, endpoint: Endpoint) -> Plan:
        del endpoint
        return self._plan

    def intake(self, endpoint: Endpoint, plan: Plan) -> AttributeIntake:
        del plan
        return AttributeIntake(
            endpoint, self._source_type, self._extractors, self._metrics, keep_seconds=self._keep
        )

    def expire(self) -> None:
        pass


def _polling(source: Instance | None) -> Polling:
    if source is None:
        return Polling()
    assert isinstance(source.plugin, PolledSource)
    return source.plugin.polling()


def with_flags(polling: Polling, parsed: Parsed, source: Instance | None) -> Polling:
    """Return how load figures are asked for, where the flags may say what the source does not.

    Raises:
        StartError: both say something, and not the same.
    """
    options, given = parsed.options, parsed.given
    is_verified = not options.model_server_metrics_https_insecure_skip_verify
    said = {
        "scheme": ("model_server_metrics_scheme", options.model_server_metrics_scheme, "scheme"),
        "path": ("model_server_metrics_path", options.model_server_metrics_path, "path"),
        "port": (_PORT_FLAG, options.model_server_metrics_port or None, "port"),
        "is_verified": (
            "model_server_metrics_https_insecure_skip_verify",
            is_verified,
            "insecureSkipVerify",
        ),
    }
    changes: dict[str, Any] = {}
    for name, (flag, value, parameter) in said.items():
        if flag not in given:
            continue
        configured = getattr(polling, name)
        if configured is not None and configured != value:
            called = source.name if source else ""
            raise StartError(
                f"--{flag.replace('_', '-')} and {parameter!r} of the plugin {called!r} say "
                "different things; remove the flag, which newer releases do not have"
            )
        changes[name] = value
    return polling._replace(**changes)


def _tls(polling: Polling, source: Instance | None) -> ClientTls | None:
    if polling.scheme != "https":
        return None
    try:
        return ClientTls(
            is_verified=bool(polling.is_verified),
            ca=polling.ca,
            certificate=polling.certificate,
            key=polling.key,
        )
    except (OSError, ssl.SSLError) as error:
        called = source.name if source else "metrics-data-source"
        files = ", ".join(filter(None, (polling.ca, polling.certificate, polling.key)))
        raise StartError(
            f"plugin {called!r}: {files}: {error}; the files must exist and hold PEM"
        ) from error


def _rounded(interval: float | None, tick: float) -> float:
    """Return the multiple of the base interval that is nearest, at least that itself."""
    return tick if interval is None else max(1, round(interval / tick)) * tick
