"""Metric families as Prometheus text (format 0.0.4), a piece at a time.

The text of a big pool takes many milliseconds, during which no request could be answered. So it is
made in pieces, between which the caller may let others run. Numbers are written as Go's client
writes them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from math import inf

from prometheus_client.utils import floatToGoString

from epp.api.metrics import Buckets, MetricFamily

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LINES = 250
"""In a piece, more or less: half a millisecond."""
_SAMPLES = 250
"""Looked at for a piece, which may be empty."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def pieces(family: MetricFamily) -> Iterator[str]:
    """Return the text of a family.

    Histograms with labels that saw nothing are left out, as in Go, where they do not exist. Labels
    are in alphabetical order, as there.
    """
    name = family.name
    text = family.help.translate(_HELP_ESCAPES)
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {family.kind}"]
    order = sorted(zip(family.labels, range(len(family.labels)), strict=True))
    for position, (values, value) in enumerate(family.samples, 1):
        labels = ",".join([f'{n}="{values[i].translate(_ESCAPES)}"' for n, i in order])
        if not isinstance(value, Buckets):
            lines.append(f"{name}{{{labels}}} {number(value)}" if labels else _bare(name, value))
        elif not labels or any(value.counts):
            lines.extend(_histogram(name, labels, value))
        if len(lines) >= _LINES or not position % _SAMPLES:
            yield _joined(lines)
            lines = []
    if lines:
        yield _joined(lines)


def number(value: float) -> str:
    """Return a number as Prometheus reads it: ``3``, ``0.25``, ``+Inf``, ``NaN``."""
    if value != value:  # noqa: PLR0124 - only NaN is not itself
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 2**53:
        return str(int(value))
    return repr(float(value))


@lru_cache(maxsize=4096)
def bound(value: float) -> str:
    """Return an upper bound as Go writes it, because it is a label: ``1``, ``1.048576e+06``."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.removesuffix(".0")


def _bare(name: str, value: float) -> str:
    return f"{name} {number(value)}"


def _joined(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])


def _histogram(name: str, labels: str, value: Buckets) -> Iterator[str]:
    start = f'{name}_bucket{{{labels}{"," if labels else ""}le="'
    count = 0
    for edge, count in zip(
        [*map(bound, value.bounds), "+Inf"], accumulate(value.counts), strict=True
    ):
        yield f'{start}{edge}"}} {count}'
    tail = f"{{{labels}}}" if labels else ""
    yield f"{name}_sum{tail} {number(value.total)}"
    yield f"{name}_count{tail} {count}"
