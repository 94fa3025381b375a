"""Reads the few numbers a decision needs out of a model server's Prometheus text, as bytes.

A real vLLM answers some 600 lines; parsing them all costs milliseconds. Here the needed families
are found by name and only their lines are looked at. Whatever the bytes are, nothing raises.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from epp.api.endpoint import NO_MODELS, Metrics
from epp.datalayer.engines import Engine, InfoSpec, MetricSpec

_LABELS = rb'[^"}\n]*+(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"[^"}\n]*+)*+'
_SAMPLE = re.compile(
    rb"[ \t]*+(?:\{(" + _LABELS + rb")\})?+[ \t]*+([^ \t\r\n]++)(?:[ \t]++(-?[0-9]++))?"
)
_LABEL = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_ESCAPE = re.compile(r"\\(.)")
_GREATEST_COUNT = float(2**53)
_LONGEST_REMEMBERED = 8192
_LOOK_BACK = 256
_AFTER_NAME = (b"{", b" ", b"\t")


class Reading(NamedTuple):
    """What one exposition said.

    Attributes:
        metrics: the previous values with those found replaced.
        missing: names of the wanted families that have no usable series.
        is_usable: at least one of waiting, running and KV usage was found.
    """

    metrics: Metrics
    missing: tuple[str, ...]
    is_usable: bool


class _Series(NamedTuple):
    labels: bytes
    value: float
    timestamp: float | None


class Reader:
    """Reads one endpoint's expositions and remembers where in the text each family stood.

    A family's series must stand together, as the text format demands. Among the series that match
    a spec the one with the greatest timestamp counts, without timestamps the first (GAIE). One
    departure: series that differ in the engine's ``rank_label`` are data-parallel ranks behind
    one port, and the port's load is their sum (for KV usage their mean); the first rank alone
    would show a server idle whose other ranks are full.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._starts: dict[bytes, int] = {}

    def read(self, text: bytes, previous: Metrics, now: float) -> Reading:
        """Return the values in ``text``; those missing stay as in ``previous``.

        LoRA adapters are an exception: without a usable series none is loaded, so the lists
        become empty, and that is not reported as missing.

        Args:
            text: the body of the answer.
            previous: what was known before.
            now: monotonic seconds, becomes ``updated_at``.
        """
        engine = self.engine
        families: dict[str, list[_Series]] = {}
        missing: dict[str, None] = {}

        def series(spec: MetricSpec) -> list[_Series]:
            found = families.get(spec.name)
            if found is None:
                found = families[spec.name] = self._family(text, spec.name.encode())
            return found

        def values(spec: MetricSpec | None) -> list[float]:
            if spec is None:
                return []
            found = _select(series(spec), spec, engine.rank_label)
            if not found:
                missing[spec.name] = None
            return [one.value for one in found]

        def size(info: InfoSpec | None, known: int) -> int:
            if info is None:
                return known
            found = _select(series(info.metric), info.metric)
            text = _labels(found[0].labels).get(info.label, "") if found and info.label else ""
            value = _number(text) if info.label else found[0].value if found else None
            if value is None:
                missing[info.metric.name] = None
                return known
            return _count(value)

        waiting, running, usage = (
            values(engine.waiting),
            values(engine.running),
            values(engine.kv_usage),
        )
        active, queued, most = NO_MODELS, NO_MODELS, 0
        if engine.lora is not None:
            active, queued, most = _adapters(_select_all(series(engine.lora), engine.lora))
        metrics = Metrics(
            _count(sum(waiting)) if waiting else previous.waiting,
            _count(sum(running)) if running else previous.running,
            min(1.0, max(0.0, sum(usage) / len(usage))) if usage else previous.kv_usage,
            active,
            queued,
            most,
            size(engine.block_size, previous.block_size),
            size(engine.num_blocks, previous.num_blocks),
            now,
        )
        return Reading(metrics, tuple(missing), bool(waiting or running or usage))

    def _family(self, text: bytes, name: bytes) -> list[_Series]:
        """Return the family's series whose value is a finite number, in order."""
        found: list[_Series] = []
        start = self._start(text, name)
        while start >= 0 and text.startswith(name, start):
            end = start + len(name)
            if text[end : end + 1] in _AFTER_NAME and (match := _SAMPLE.match(text, end)):
                value = _number(match[2])
                if value is not None:
                    stamp = match[3]
                    found.append(_Series(match[1] or b"", value, _number(stamp) if stamp else None))
            start = text.find(b"\n", end) + 1 or -1
        return found

    def _start(self, text: bytes, name: bytes) -> int:
        """Return where the first line of the family begins, or -1.

        Looks first where it stood last time: most of the text is then never touched.
        """
        known = self._starts.get(name)
        if known is not None:
            start = _find_line(text, name, max(0, known - _LOOK_BACK))
            if start >= 0 and not _follows_family(text, name, start):
                self._starts[name] = start
                return start
        start = _find_line(text, name, 0)
        self._starts[name] = start
        return start


def _find_line(text: bytes, name: bytes, position: int) -> int:
    """Return the start of the first line from ``position`` on that is a sample of ``name``."""
    if position == 0 and text.startswith(name) and text[len(name) : len(name) + 1] in _AFTER_NAME:
        return 0
    needle = b"\n" + name
    while (position := text.find(needle, position)) >= 0:
        end = position + len(needle)
        if text[end : end + 1] in _AFTER_NAME:
            return position + 1
        position = end
    return -1


def _follows_family(text: bytes, name: bytes, start: int) -> bool:
    """Whether the line before ``start`` belongs to the family too."""
    before = text.rfind(b"\n", 0, max(0, start - 1)) + 1
    return before < start and text.startswith(name, before)


def _select_all(series: Sequence[_Series], spec: MetricSpec) -> Sequence[_Series]:
    if not spec.labels:
        return series
    wanted = spec.labels
    return [
        one
        for one in series
        if all(_labels(one.labels).get(label) == value for label, value in wanted)
    ]


def _select(series: Sequence[_Series], spec: MetricSpec, rank_label: str = "") -> Sequence[_Series]:
    """Return the series that counts, one for each data-parallel rank; none if nothing matches."""
    matching = _select_all(series, spec)
    if len(matching) <= 1:
        return matching
    stamped = [one for one in matching if one.timestamp is not None]
    if stamped:
        return [max(stamped, key=lambda one: one.timestamp or 0.0)]
    if not rank_label:
        return matching[:1]
    ranks: dict[str | None, _Series] = {}
    for one in matching:
        ranks.setdefault(_labels(one.labels).get(rank_label), one)
    return list(ranks.values())


def _adapters(series: Sequence[_Series]) -> tuple[frozenset[str], frozenset[str], int]:
    """Return LoRA adapters running, waiting, and how many fit (``vllm:lora_requests_info``).

    Each value is the time the series was last set, so the greatest is the present state, also
    when it lists nothing; a value of 0 was never set.
    """
    newest = max(series, key=lambda one: one.value, default=None)
    if newest is None or newest.value <= 0:
        return NO_MODELS, NO_MODELS, 0
    labels = _labels(newest.labels)
    return (
        _names(labels.get("running_lora_adapters", "")),
        _names(labels.get("waiting_lora_adapters", "")),
        _count(_number(labels.get("max_lora", "")) or 0.0),
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(name for part in text.split(",") if (name := part.strip()))


def _number(text: bytes | str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _count(value: float) -> int:
    return int(min(_GREATEST_COUNT, max(0.0, value)))


def _labels(raw: bytes) -> Mapping[str, str]:
    """Return the labels between the braces; the same bytes are parsed once."""
    return _remembered_labels(raw) if len(raw) <= _LONGEST_REMEMBERED else _parse_labels(raw)


def _parse_labels(raw: bytes) -> dict[str, str]:
    return {
        match[1].decode(): _unescape(match[2].decode(errors="replace"))
        for match in _LABEL.finditer(raw)
    }


_remembered_labels = lru_cache(maxsize=1024)(_parse_labels)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
