"""Metrics that are told rather than counted: fixed numbers, or curves over time.

Source of the names and curves: llm-d-inference-sim's ``--fake-metrics``. A curve is written
``oscillate|ramp|rampreset|squarewave:start:end:period`` and worked out when somebody looks, so an
unwatched simulator does nothing.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gaiectl.simulator import metric_names as names
from gaiectl.simulator.duration import parse_duration
from gaiectl.simulator.kinds import Kind, did_you_mean

CURVES: dict[str, Callable[[float], float]] = {
    "oscillate": lambda turns: (1 - math.cos(2 * math.pi * turns)) / 2,
    "ramp": lambda turns: min(turns, 1.0),
    "rampreset": lambda turns: turns % 1.0,
    "squarewave": lambda turns: 0.0 if turns % 1.0 < 0.5 else 1.0,
}
"""Position between start (0) and end (1) after so many periods."""

GAUGES = {
    "running-requests": names.RUNNING,
    "waiting-requests": names.WAITING,
    "kv-cache-usage": names.KV_USAGE,
}
HISTOGRAMS = {
    "ttft-buckets-values": (names.TTFT,),
    "tpot-buckets-values": (names.TPOT, names.ITL),
    "request-tpot-buckets-values": (names.REQUEST_TPOT,),
    "e2erl-buckets-values": (names.E2E,),
    "queue-time-buckets-values": (names.QUEUE_TIME,),
    "inf-time-buckets-values": (names.INFERENCE_TIME,),
    "prefill-time-buckets-values": (names.PREFILL_TIME,),
    "decode-time-buckets-values": (names.DECODE_TIME,),
    "request-prompt-tokens": (names.REQUEST_PROMPT_TOKENS,),
    "request-generation-tokens": (names.REQUEST_GENERATION_TOKENS,),
    "request-max-generation-tokens": (names.MAX_GENERATION_TOKENS,),
    "request-params-max-tokens": (names.REQUEST_MAX_TOKENS,),
}
COUNTERS = {
    "total-prompt-tokens": names.PROMPT_TOKENS,
    "total-generation-tokens": names.GENERATION_TOKENS,
    "prefix-cache-hits": names.CACHE_HITS,
    "prefix-cache-queries": names.CACHE_QUERIES,
}
_OTHERS = ("loras", "request-success-total")
_KNOWN = [*GAUGES, *HISTOGRAMS, *COUNTERS, *_OTHERS]


@dataclass(frozen=True, slots=True)
class Curve:
    """A value over time; ``period`` in seconds."""

    shape: str
    start: float
    end: float
    period: float

    def at(self, seconds: float) -> float:
        """Return the value so many seconds after the beginning."""
        return self.start + (self.end - self.start) * CURVES[self.shape](seconds / self.period)


@dataclass(frozen=True)
class FakeMetrics:
    """A checked set of told metrics.

    Attributes:
        told: as it was said, by key.
        gauges: number or curve, by metric name; what is not told is 0.
        loras: running adapters, waiting adapters and time of each series.
    """

    told: Mapping[str, Any]
    gauges: Mapping[str, float | Curve]
    loras: tuple[tuple[str, str, float], ...]

    def gauge(self, name: str, seconds: float) -> float:
        """Return a gauge's value so many seconds after the beginning."""
        value = self.gauges.get(name, 0.0)
        return value.at(seconds) if isinstance(value, Curve) else value

    def buckets(self) -> dict[str, Sequence[int]]:
        """Return the counts for each bucket of the histograms told, by metric name."""
        return {
            name: self.told[key]
            for key, targets in HISTOGRAMS.items()
            if key in self.told
            for name in targets
        }

    def counters(self, length_bounds: Sequence[float]) -> dict[str, float]:
        """Return the counters by metric name; totals not told are estimated from the lengths."""
        found = {name: float(self.told[key]) for key, name in COUNTERS.items() if key in self.told}
        for key, name in (
            ("request-prompt-tokens", names.PROMPT_TOKENS),
            ("request-generation-tokens", names.GENERATION_TOKENS),
        ):
            if key in self.told and name not in found:
                found[name] = _estimate(self.told[key], length_bounds)
        return found

    def successes(self) -> Mapping[str, int]:
        """Return the number of successful requests by finish reason."""
        told: Mapping[str, int] = self.told.get("request-success-total", {})
        return told

    def updated(self, patch: Mapping[str, Any]) -> "FakeMetrics":
        """Return a copy with some keys told anew; a key that is null stays as it is.

        Raises:
            ValueError: as ``parse_fake_metrics``.
        """
        changed = {key: value for key, value in patch.items() if value is not None}
        return parse_fake_metrics({**self.told, **changed})


def parse_fake_metrics(value: Any) -> FakeMetrics:
    """Check a set of told metrics, given as JSON text or as an object.

    Raises:
        ValueError: with the key and what is wrong.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(value, Mapping):
        raise ValueError("is no JSON object")  # noqa: TRY004 - a bad value, not a bad call
    for key in value:
        if key not in _KNOWN:
            raise ValueError(f"unknown key {key!r}{did_you_mean(str(key), _KNOWN)}")
    told = {key: item for key, item in value.items() if item is not None}
    gauges = {name: _gauge(key, told[key]) for key, name in GAUGES.items() if key in told}
    for key, targets in HISTOGRAMS.items():
        if key in told:
            _check_counts(key, told[key], targets[0])
    for key in COUNTERS:
        if key in told and not _is_count(told[key]):
            raise ValueError(f"{key}: {told[key]!r} is not a whole number of 0 or more")
    if ("prefix-cache-hits" in told) != ("prefix-cache-queries" in told):
        raise ValueError("prefix-cache-hits and prefix-cache-queries: one needs the other")
    if told.get("prefix-cache-hits", 0) > told.get("prefix-cache-queries", 0):
        raise ValueError("prefix-cache-hits: more hits than queries")
    _check_successes(told.get("request-success-total", {}))
    return FakeMetrics(told=told, gauges=gauges, loras=_loras(told.get("loras", [])))


FAKE_METRICS = Kind("JSON", parse_fake_metrics, show=lambda value: value and dict(value.told))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _gauge(key: str, value: Any) -> float | Curve:
    limit = 1.0 if key == "kv-cache-usage" else float("inf")
    reading: float | Curve
    try:
        reading = float(value)
        ends = [reading]
    except (TypeError, ValueError):
        reading = _curve(key, value)
        ends = [reading.start, reading.end]
    if not all(0 <= end <= limit for end in ends):
        raise ValueError(f"{key}: {value!r} is not within 0 and {limit:g}")
    return reading


def _curve(key: str, value: Any) -> Curve:
    form = f"a number or one of {', '.join(CURVES)} as {next(iter(CURVES))}:start:end:period"
    parts = str(value).split(":")
    if len(parts) != 4 or parts[0] not in CURVES:
        raise ValueError(f"{key}: {value!r} is not {form}")
    try:
        curve = Curve(parts[0], float(parts[1]), float(parts[2]), parse_duration(parts[3]))
    except ValueError as error:
        raise ValueError(f"{key}: {value!r} is not {form}: {error}") from None
    if not curve.period:
        raise ValueError(f"{key}: {value!r} has a period of zero")
    return curve


def _check_counts(key: str, counts: Any, metric: str) -> None:
    if not isinstance(counts, list) or not all(_is_count(count) for count in counts):
        raise ValueError(f"{key}: must be a list of whole numbers of 0 or more, one for a bucket")
    if metric in names.TIMES and len(counts) > len(names.TIMES[metric][0]) + 1:
        raise ValueError(f"{key}: has more values than there are buckets")


def _check_successes(told: Any) -> None:
    if not isinstance(told, Mapping) or not all(_is_count(count) for count in told.values()):
        raise ValueError("request-success-total: must be {finish reason: whole number}")
    for reason in told:
        if reason not in names.FINISH_REASONS:
            known = list(names.FINISH_REASONS)
            raise ValueError(
                f"request-success-total: unknown finish reason {reason!r}"
                f"{did_you_mean(str(reason), known)}; known: {', '.join(known)}"
            )


def _loras(told: Any) -> tuple[tuple[str, str, float], ...]:
    if not isinstance(told, list):
        raise ValueError("loras: must be a list of {running, waiting, timestamp}")  # noqa: TRY004 - a bad value
    series = []
    for number, item in enumerate(told):
        try:
            entry = json.loads(item) if isinstance(item, str) else item
            unknown = [key for key in entry if key not in {"running", "waiting", "timestamp"}]
            if unknown:
                raise ValueError(f"unknown field {unknown[0]!r}")  # noqa: TRY301 - one prefix for all
            series.append((
                str(entry.get("running", "")),
                str(entry.get("waiting", "")),
                float(entry.get("timestamp", 0)),
            ))  # fmt: skip
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"loras[{number}]: {error}") from None
    return tuple(series)


def _estimate(counts: Sequence[int], bounds: Sequence[float]) -> float:
    """Add up the middles of the buckets; the last, endless one counts as twice its lower bound."""
    total, lower = 0.0, 0.0
    for index, count in enumerate(counts[: len(bounds) + 1]):
        upper = bounds[index] if index < len(bounds) else lower * 2
        total += int(count * (lower + upper) / 2)
        lower = upper
    return total
