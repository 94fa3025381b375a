"""What several processes have counted, as one.

Plain values, so that they can be sent from process to process.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from epp.metrics.recorder import EppMetrics, StreamMetrics
from epp.metrics.requests import HISTOGRAMS, RequestSeries
from epp.metrics.series import Histogram

Shared = tuple[Any, ...]


def shared(metrics: EppMetrics) -> Shared:
    """Return what a process that serves streams has counted."""
    return (
        tuple([(labels, _series(series)) for labels, series in metrics.requests.items()]),
        (_numbers(metrics.processing), _numbers(metrics.responding)),
        metrics.streams_open,
        (dict(metrics.streams.codes), _numbers(metrics.streams.seconds))
        if metrics.streams
        else None,
    )


class Totals:
    """Keeps one process's own metrics equal to the sum of what the others have counted.

    What a process counted that has ended stays in the sum.

    Args:
        metrics: of the process that shows them; it counts none of these itself.
    """

    def __init__(self, metrics: EppMetrics) -> None:
        self._metrics = metrics
        self._ended: list[Shared] = []

    def ended(self, last: Shared) -> None:
        """Keep what a process had counted when it was last asked; nothing runs there any more."""
        requests, processing, _, streams = last
        stopped = tuple([(labels, (0, *series[1:])) for labels, series in requests])
        self._ended.append((stopped, processing, 0, streams))
        if len(self._ended) > 1:
            self._ended = [_sum(self._ended)]

    def show(self, living: Iterable[Shared]) -> None:
        """Take these, and those of the processes that have ended, for the metrics of now."""
        parts = [*self._ended, *living]
        metrics = self._metrics
        fresh = EppMetrics()
        metrics.requests, metrics.processing = fresh.requests, fresh.processing
        metrics.responding = fresh.responding
        metrics.streams_open = 0
        if metrics.streams is not None:
            metrics.streams.codes.clear()
            metrics.streams.seconds = Histogram(metrics.streams.seconds.bounds)
        for part in parts:
            _add(metrics, part)


def _sum(parts: Sequence[Shared]) -> Shared:
    whole = EppMetrics()
    whole.streams = StreamMetrics()
    for part in parts:
        _add(whole, part)
    return shared(whole)


def _add(metrics: EppMetrics, part: Shared) -> None:
    requests, processing, streams_open, streams = part
    for labels, (running, errors, *histograms) in requests:
        series = metrics.requests[labels]
        series.running += running
        series.errors.update(errors)
        for name, numbers in zip(HISTOGRAMS, histograms, strict=True):
            _observe(getattr(series, name), numbers)
    for histogram, numbers in zip(
        (metrics.processing, metrics.responding), processing, strict=True
    ):
        _observe(histogram, numbers)
    metrics.streams_open += streams_open
    if streams is not None and metrics.streams is not None:
        metrics.streams.codes.update(streams[0])
        _observe(metrics.streams.seconds, streams[1])


def _series(series: RequestSeries) -> tuple[Any, ...]:
    return (
        series.running,
        dict(series.errors),
        *[_numbers(getattr(series, name)) for name in HISTOGRAMS],
    )


def _numbers(histogram: Histogram) -> tuple[Any, ...]:
    return (tuple(histogram.counts), histogram.total)


def _observe(histogram: Histogram, numbers: tuple[Sequence[int], float]) -> None:
    counts, total = numbers
    histogram.counts = [a + b for a, b in zip(histogram.counts, counts, strict=True)]
    histogram.total += total
