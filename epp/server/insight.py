"""Everything that looks at decisions and takes no part in them: metrics, logs, records, spans.

What nobody asked for by a flag or a variable costs nothing: it is not there.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence

from epp.config.loader import Config
from epp.config.releases import ALPHA
from epp.datalayer.pool import Pool
from epp.director.director import Schedules
from epp.director.intent import Intents
from epp.extproc.settings import StreamSettings
from epp.metrics.recorder import EppMetrics, StreamMetrics
from epp.scheduling.scheduler import Scheduler
from epp.server.build import Build, build
from epp.server.debug import Known, debug_pages
from epp.server.debug_config import config_json, options_json
from epp.server.debug_records import Recording, Records
from epp.server.extproc import Watcher
from epp.server.flags import Parsed
from epp.server.health import Health
from epp.server.http import Page
from epp.server.logs import VERBOSE, level_of
from epp.server.logs_requests import RequestLog
from epp.server.pages import pages
from epp.server.tracing import Tracing, tracing_settings

log = logging.getLogger("setup")


class Insight:
    """What is watched, and by whom.

    Args:
        parsed: the flags.
        environment: may say where spans go.

    Attributes:
        metrics: for all who count.
        watchers: of single requests.
    """

    def __init__(self, parsed: Parsed, environment: Mapping[str, str] = os.environ) -> None:
        self._options = parsed.options
        self._build = build(environment)
        self.metrics = EppMetrics(commit=self._build.commit, build_ref=self._build.ref)
        if self._options.enable_grpc_stream_metrics:
            self.metrics.streams = StreamMetrics()
        is_recording = self._options.enable_decision_records
        is_recording = is_recording or self._options.decision_records_share > 0
        self._records = Records() if is_recording else None
        self._tracing = _tracing(parsed, environment, self._build)
        self.watchers: Sequence[Watcher] = self._watchers()
        self._in_force: tuple[Config, Scheduler] | None = None

    def schedulers(
        self, config: Config, scheduler: Scheduler, plain: Schedules, timed: Schedules
    ) -> tuple[Schedules, Schedules]:
        """Return the schedulers of a ``Routing``, with all around them that was asked for.

        Args:
            config: comes into force now; the pages show it.
            scheduler: made of it.
            plain: the same one, or one around it.
            timed: one that reports the time of each plugin to ``time_plugin``.
        """
        self._in_force = (config, scheduler)
        return self._around(scheduler, plain), self._around(scheduler, timed)

    def time_plugin(
        self, extension_point: str, plugin_type: str, plugin_name: str, seconds: float
    ) -> None:
        """Note the time of one call of a plugin."""
        self.metrics.plugin_timer(extension_point, plugin_type, plugin_name).observe(seconds)

    def note_trespass(
        self, extension_point: str, plugin_type: str, plugin_name: str, access: str
    ) -> None:
        """Note that a plugin handed out data of a request, and may not."""
        self.metrics.scope_violations[extension_point, plugin_type, plugin_name, access] += 1

    def announce(self) -> None:
        """Log what runs here: build, flags and configuration."""
        assert self._in_force is not None
        log.info("build", extra={"fields": self._build._asdict()})
        log.info("flags", extra={"fields": {"flags": options_json(self._options)}})
        alpha = sorted(ALPHA & {instance.type for instance in self._in_force[0].instances})
        if alpha and not self._options.allow_experimental_plugins:
            log.warning(
                "experimental plugins are in use: %s; llm-d's EPP wants "
                "--allow-experimental-plugins for them, which here ends this warning",
                ", ".join(alpha),
            )
        config = config_json(self._in_force[0])
        log.info("loaded configuration", extra={"fields": {"config": config}})

    def pages(
        self, pool: Pool, intents: Intents, health: Health, settings: Callable[[], StreamSettings]
    ) -> Sequence[Page]:
        """Return what can be read on the metrics port."""
        known = Known(
            self._options,
            self._build,
            pool,
            intents,
            self.metrics,
            health,
            settings,
            self._decides,
            self._records,
        )
        return (*pages(self.metrics), *debug_pages(known))

    async def stop(self) -> None:
        """Send what has not been sent."""
        if self._tracing is not None:
            await self._tracing.stop()

    def _decides(self) -> tuple[Config, Scheduler]:
        assert self._in_force is not None
        return self._in_force

    def _around(self, scheduler: Scheduler, inner: Schedules) -> Schedules:
        if self._records is not None:
            share = self._options.decision_records_share
            inner = Recording(scheduler, inner, self._records, share)
        if self._tracing is not None:
            from epp.server.tracing_spans import Traced  # noqa: PLC0415 - only if it is installed

            inner = Traced(self._tracing.tracer, scheduler, inner)
        return inner

    def _watchers(self) -> Sequence[Watcher]:
        watchers: list[Watcher] = []
        if level_of(self._options) <= VERBOSE:
            watchers.append(RequestLog())
        if self._tracing is not None:
            from epp.server.tracing_spans import RequestSpans  # noqa: PLC0415 - see above

            watchers.append(
                RequestSpans(self._tracing.tracer, is_shared=bool(self._options.workers))
            )
        return tuple(watchers)


def _tracing(parsed: Parsed, environment: Mapping[str, str], made: Build) -> Tracing | None:
    settings = tracing_settings(parsed, environment)
    if settings is None:
        return None
    for complaint in settings.complaints:
        log.warning("%s", complaint)
    try:
        tracing = Tracing(settings, made)
    except ModuleNotFoundError as error:
        log.warning("no spans: %s is missing; pip install 'gaiectl[tracing]'", error.name)
        return None
    log.info("exporting spans", extra={"fields": {"endpoint": settings.endpoint or "stdout"}})
    return tracing
