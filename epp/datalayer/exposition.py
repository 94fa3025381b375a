"""Reads the few numbers a decision needs out of a model server's Prometheus text, as bytes.

A real vLLM answers some 600 lines; parsing them all costs milliseconds. Here the needed families
are found by name and only their lines are looked at. Whatever the bytes are, nothing raises.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from epp.api.endpoint import NEVER_SCRAPED, NO_MODELS, Metrics
from epp.datalayer.engines import Engine, InfoSpec, MetricSpec

_LABELS = rb'[^"}\n]*+(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"[^"}\n]*+)*+'
_SAMPLE = re.compile(
    rb"[ \t]*+(?:\{(" + _LABELS + rb")\})?+[ \t]*+([^ \t\r\n]++)(?:[ \t]++(-?[0-9]++))?"
)
# A name begins where no other one goes on: else each letter of a long name would be tried as one.
_LABEL = re.compile(
    rb"(?<![a-zA-Z0-9_])([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
)
_ESCAPE = re.compile(r"\\(.)")
_GREATEST_COUNT = float(2**53)
_LONGEST_REMEMBERED = 8192
_LOOK_BACK = 256
_MANY = 8
_MOST_LINES = 1000
_LONGEST_LINE = 64 * 1024
_MOST_NAMESAKES = 64
_AFTER_NAME = (b"{", b" ", b"\t")


NOTHING_CUSTOM: Mapping[str, float] = MappingProxyType({})


class Reading(NamedTuple):
    """What one exposition said.

    Attributes:
        metrics: the previous values with those found replaced.
        missing: names of the wanted families that have no usable series.
        is_usable: at least one of waiting, running and KV usage was found.
        custom: the engine's custom numbers by attribute, as far as they were found.
    """

    metrics: Metrics
    missing: tuple[str, ...]
    is_usable: bool
    custom: Mapping[str, float] = NOTHING_CUSTOM


class _Series(NamedTuple):
    labels: bytes
    value: float
    timestamp: float | None


class _Family:
    """The series of one name, and where in the text they stood last time.

    What did not change since is not parsed again. ``block`` is the family's lines with the line
    before them, so that it also tells that no series was added in front.

    Of a family's lines the first thousand are read, and none that is longer than 64 KiB: whoever
    writes more would take the time of all other endpoints.
    """

    __slots__ = ("_begin", "block", "name", "position", "series")

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self._begin = re.compile(b"\n" + re.escape(self.name) + rb"[{ \t]")
        self.position = -1
        self.block = b""
        self.series: list[_Series] = []

    def update(self, text: bytes) -> bool:
        """Take the series from ``text``; return whether they may differ from those before."""
        if self._stands_at(self.position, text):
            return False
        start = self._start(text)
        self.position = _line_before(text, start)
        if self._stands_at(self.position, text):
            return False
        if start < 0:
            self.series, self.block = [], b""
        else:
            self.block = text[self.position : self._parse(text, start)]
        return True

    def _parse(self, text: bytes, start: int) -> int:
        """Take the series from the lines that begin at ``start``; return where they end."""
        name, end = self.name, start
        series = self.series = []
        left = _MOST_LINES
        while left and text.startswith(name, end):
            left -= 1
            begin, after = end, end + len(name)
            newline = text.find(b"\n", after)
            end = len(text) if newline < 0 else newline + 1
            if end - begin > _LONGEST_LINE or text[after : after + 1] not in _AFTER_NAME:
                continue
            if match := _SAMPLE.match(text, after):
                labels, number, stamp = match.groups()
                value = _number(number)
                if value is not None:
                    series.append(_Series(labels or b"", value, _number(stamp) if stamp else None))
        return end

    def _stands_at(self, position: int, text: bytes) -> bool:
        block = self.block
        return bool(
            block
            and text.startswith(block, position)
            and not text.startswith(self.name, position + len(block))
        )

    def _start(self, text: bytes) -> int:
        """Return where the family's first line begins, or -1; looks first where it was."""
        name = self.name
        if self.block:
            start = self._find_line(text, max(0, self.position - _LOOK_BACK))
            if start >= 0 and not text.startswith(name, _line_before(text, start)):
                return start
        return self._find_line(text, 0)

    def _find_line(self, text: bytes, position: int) -> int:
        """Return the start of the first line from ``position`` on that is a sample; -1 if none."""
        name = self.name
        if position == 0 and text.startswith(name):
            after = text[len(name) : len(name) + 1]
            if after in _AFTER_NAME:
                return 0
        needle = b"\n" + name
        for _ in range(_MOST_NAMESAKES):
            position = text.find(needle, position)
            if position < 0:
                return -1
            end = position + len(needle)
            if text[end : end + 1] in _AFTER_NAME:
                return position + 1
            position = end
        # Slower for each byte, faster for each name that only begins like this one.
        found = self._begin.search(text, position)
        return found.start() + 1 if found else -1


class _Newest(_Family):
    """A family of which only the series with the greatest value matters.

    vLLM adds an adapter series for each combination it ever saw and keeps them all, so there may be
    thousands. Of many, only the values are looked at, and the one line that counts is parsed.
    """

    __slots__ = ("_lines",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lines = re.compile(rb"(?:" + re.escape(self.name) + rb"[{ \t][^\n]*+\n?)++")

    def _parse(self, text: bytes, start: int) -> int:
        block = self._lines.match(text, start)
        lines = block[0].splitlines() if block else []
        if len(lines) >= _MANY:
            try:
                values = [float(line[line.rfind(b" ") + 1 :]) for line in lines]
            except ValueError:
                values = [math.nan]
            if block and math.isfinite(sum(values)):
                super()._parse(lines[values.index(max(values))], 0)
                return block.end()
        return super()._parse(text, start)


def samples(text: bytes, name: str) -> list[tuple[Mapping[str, str], float]]:
    """Return labels and value of each sample of one family; whatever the text is, nothing raises.

    For what is read seldom: ``Reader`` remembers where things stood.
    """
    family = _Family(name)
    family.update(text)
    return [(_labels(one.labels), one.value) for one in family.series]


class Reader:
    """Reads one endpoint's expositions, one after the other.

    A family's series must stand together, as the text format demands. Among the series that match
    a spec the one with the greatest timestamp counts, without timestamps the first (GAIE). One
    departure: series that differ in the engine's ``rank_label`` are data-parallel ranks behind
    one port, and the port's load is their sum (for KV usage their mean); the first rank alone
    would show a server idle whose other ranks are full.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._last = Reading(NEVER_SCRAPED, (), is_usable=False)
        specs = (
            engine.waiting,
            engine.running,
            engine.kv_usage,
            engine.lora,
            engine.block_size and engine.block_size.metric,
            engine.num_blocks and engine.num_blocks.metric,
            *[custom.metric for custom in engine.custom],
        )
        self._families = {spec.name: _Family(spec.name) for spec in specs if spec}
        if engine.lora is not None and not engine.lora.labels:
            self._families[engine.lora.name] = _Newest(engine.lora.name)

    def read(self, text: bytes, now: float) -> Reading:
        """Return the values in ``text``; those missing stay as they were.

        LoRA adapters are an exception: without a usable series none is loaded, so the lists
        become empty, and that is not reported as missing.

        Args:
            text: the body of the answer.
            now: monotonic seconds, becomes ``updated_at``.
        """
        is_changed = False
        for family in self._families.values():
            if family.update(text):
                is_changed = True
        if is_changed:
            self._last = self._reading(self._last.metrics, now)
        else:
            metrics, missing, is_usable, custom = self._last
            self._last = Reading(Metrics(*metrics[:-1], now), missing, is_usable, custom)
        return self._last

    def _reading(self, known: Metrics, now: float) -> Reading:
        engine = self.engine
        missing: dict[str, None] = {}
        waiting = self._values(engine.waiting, missing)
        running = self._values(engine.running, missing)
        usage = self._values(engine.kv_usage, missing)
        active, queued, most = self._adapters(engine.lora)
        metrics = Metrics(
            _count(sum(waiting)) if waiting else known.waiting,
            _count(sum(running)) if running else known.running,
            min(1.0, max(0.0, sum(usage) / len(usage))) if usage else known.kv_usage,
            active,
            queued,
            most,
            self._size(engine.block_size, known.block_size, missing),
            self._size(engine.num_blocks, known.num_blocks, missing),
            now,
        )
        custom = self._custom(missing) if engine.custom else NOTHING_CUSTOM
        return Reading(metrics, tuple(missing), bool(waiting or running or usage), custom)

    def _custom(self, missing: dict[str, None]) -> Mapping[str, float]:
        found = {}
        for attribute, metric, is_optional in self.engine.custom:
            series = _select(self._families[metric.name].series, metric)
            if series:
                found[attribute] = series[0].value
            elif not is_optional:
                missing[metric.name] = None
        return found

    def _values(self, spec: MetricSpec | None, missing: dict[str, None]) -> list[float]:
        if spec is None:
            return []
        series = _select(self._families[spec.name].series, spec, self.engine.rank_label)
        if not series:
            missing[spec.name] = None
        return [one.value for one in series]

    def _size(self, info: InfoSpec | None, known: int, missing: dict[str, None]) -> int:
        if info is None:
            return known
        metric, label = info
        value = None
        for one in _select(self._families[metric.name].series, metric):
            value = _number(_labels(one.labels).get(label, "")) if label else one.value
        if value is None:
            missing[metric.name] = None
            return known
        return _count(value)

    def _adapters(self, spec: MetricSpec | None) -> tuple[frozenset[str], frozenset[str], int]:
        """Return LoRA adapters running, waiting, and how many fit (``vllm:lora_requests_info``).

        Each value is the time the series was last set, so the greatest is the present state, also
        when it lists nothing; a value of 0 was never set.
        """
        series = _matching(self._families[spec.name].series, spec) if spec else ()
        newest = max(series, key=_value, default=None)
        if newest is None or newest.value <= 0:
            return NO_MODELS, NO_MODELS, 0
        labels = _labels(newest.labels)
        return (
            _names(labels.get("running_lora_adapters", "")),
            _names(labels.get("waiting_lora_adapters", "")),
            _count(_number(labels.get("max_lora", "")) or 0.0),
        )


_value = attrgetter("value")


def _line_before(text: bytes, start: int) -> int:
    """Return where the line before the one at ``start`` begins; ``start`` itself if none."""
    return text.rfind(b"\n", 0, start - 1) + 1 if start > 0 else start


def _matching(series: Sequence[_Series], spec: MetricSpec) -> Sequence[_Series]:
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
    matching = _matching(series, spec)
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
