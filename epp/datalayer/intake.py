"""What becomes of the answers of one endpoint."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from epp.api.endpoint import Endpoint
from epp.datalayer.attributes import Attributes
from epp.datalayer.engines import Engine
from epp.datalayer.exposition import Reader
from epp.datalayer.pool import Pool
from epp.datalayer.sources import Extractor, Unusable
from epp.metrics.recorder import EppMetrics

NO_CONTENT = "no_metrics"
"""Kind of the failure of an answer that came and holds nothing of what was asked for."""

_SOURCE, _EXTRACTOR = "metrics-data-source", "core-metrics-extractor"


class Intake(Protocol):
    """Takes the answers of one endpoint, one after the other."""

    def begin(self) -> None:
        """Note that a request leaves now."""
        ...

    def take(self, body: bytes, now: float) -> tuple[str, ...]:
        """Take an answer.

        Args:
            body: of an answer with status 200.
            now: monotonic seconds.

        Returns:
            What it lacks, as names for a message.

        Raises:
            Unusable: there is nothing in it.
        """
        ...

    def fail(self, kind: str, *, is_reachable: bool) -> None:
        """Note that no usable answer came.

        Args:
            kind: why, as a label value.
            is_reachable: a connection exists or may still come about.
        """
        ...

    def end(self) -> None:
        """Forget the endpoint: it left, or it is asked for something else from now on."""
        ...


class LoadIntake:
    """Reads load figures into the pool.

    Args:
        endpoint: whose figures they are.
        engine: how they are written.
        pool: takes them.
        metrics: count what came and what did not.
        attributes: take the engine's custom numbers; None where nobody wants them.
    """

    __slots__ = ("_attributes", "_endpoint", "_metrics", "_missing", "_pool", "_reader")

    def __init__(
        self,
        endpoint: Endpoint,
        engine: Engine,
        pool: Pool,
        metrics: EppMetrics,
        attributes: Attributes | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._pool = pool
        self._metrics = metrics
        self._attributes = attributes if engine.custom else None
        self._reader = Reader(engine)
        self._missing: tuple[str, ...] = ()

    def begin(self) -> None:
        """See ``Intake``."""
        self._pool.scrape_started(self._endpoint)

    def take(self, body: bytes, now: float) -> tuple[str, ...]:
        """See ``Intake``."""
        reading = self._reader.read(body, now)
        if not reading.is_usable:
            raise Unusable(f"no usable metric of {self._reader.engine.name}")
        self._pool.scraped(self._endpoint, reading.metrics)
        self._metrics.scrape_finished()
        if self._attributes is not None:
            self._attributes.put(self._endpoint.slot, reading.custom)
        if reading.missing != self._missing:
            self._missing = reading.missing
            self._metrics.metrics_missing(self._endpoint, reading.missing)
        return reading.missing

    def fail(self, kind: str, *, is_reachable: bool) -> None:
        """See ``Intake``."""
        self._pool.scrape_failed(self._endpoint, is_reachable=is_reachable)
        self._metrics.scrape_failed(kind)
        if kind == NO_CONTENT:
            self._metrics.extract_errors[_SOURCE, _EXTRACTOR] += 1
        else:
            self._metrics.poll_errors[_SOURCE] += 1

    def end(self) -> None:
        """See ``Intake``."""
        self._metrics.metrics_missing(self._endpoint, ())
        if self._attributes is not None:
            self._attributes.forget(self._endpoint.slot)


class AttributeIntake:
    """Hands answers to extractors, which keep what they find under the endpoint's slot.

    What is known is forgotten when nothing came for a while: no figure is better than a wrong one.

    Args:
        endpoint: whom the answers are about.
        source_type: type of the data source.
        extractors: who reads the answers, by type.
        metrics: count failures.
        keep_seconds: how long what is known outlives failures.
        clock: monotonic seconds.
    """

    __slots__ = (
        "_clock",
        "_endpoint",
        "_extractors",
        "_fresh_until",
        "_keep",
        "_metrics",
        "_source_type",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        source_type: str,
        extractors: Sequence[tuple[str, Extractor]],
        metrics: EppMetrics,
        *,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._source_type = source_type
        self._extractors = extractors
        self._metrics = metrics
        self._keep = keep_seconds
        self._clock = clock
        self._fresh_until = 0.0

    def begin(self) -> None:
        """See ``Intake``."""

    def take(self, body: bytes, now: float) -> tuple[str, ...]:
        """See ``Intake``; one extractor that finds nothing does not keep the others from it."""
        problems = []
        for extractor_type, extractor in self._extractors:
            try:
                extractor.extract(self._endpoint, body)
            except Unusable as error:
                self._metrics.extract_errors[self._source_type, extractor_type] += 1
                problems.append(str(error))
        if problems:
            raise Unusable("; ".join(problems))
        self._fresh_until = now + self._keep
        return ()

    def fail(self, kind: str, *, is_reachable: bool) -> None:
        """See ``Intake``."""
        del is_reachable
        if kind != NO_CONTENT:
            self._metrics.poll_errors[self._source_type] += 1
        if self._fresh_until and self._clock() > self._fresh_until:
            self._fresh_until = 0.0
            self.end()

    def end(self) -> None:
        """See ``Intake``."""
        for _, extractor in self._extractors:
            extractor.forget(self._endpoint)
