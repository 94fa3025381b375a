"""Counters and histograms, and their Prometheus text, written as vLLM's Python client writes it.

Source of the form: the Prometheus text exposition format 0.0.4; labels stand in alphabetical
order and numbers as Go prints them (``1.7952695146542375e+09``), which real servers do too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def number_text(value: float) -> str:
    """Write a number as the Python client of Prometheus does."""
    text = repr(float(value))
    dot = text.find(".")
    if value > 0 and dot > 6 and "e" not in text:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return text


def label_text(labels: Mapping[str, object]) -> str:
    """Write labels, sorted and escaped, without braces."""
    parts = []
    for name in sorted(labels):
        value = str(labels[name])
        if "\\" in value or '"' in value or "\n" in value:
            value = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        parts.append(f'{name}="{value}"')
    return ",".join(parts)


def header(name: str, kind: str, text: str) -> str:
    """Write the HELP and TYPE lines of a metric family."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def sample(name: str, labels: Mapping[str, object], value: float) -> str:
    """Write one line."""
    return f"{name}{{{label_text(labels)}}} {number_text(value)}\n"


class Histogram:
    """Observations counted by bucket; its text is kept until the next observation."""

    __slots__ = ("_bounds", "_counts", "_lines", "_sum", "_text")

    def __init__(self, name: str, bounds: Sequence[float], labels: Mapping[str, object]) -> None:
        self._bounds = list(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._text = ""
        edges = [*map(number_text, self._bounds), "+Inf"]
        self._lines = [
            *(f"{name}_bucket{{{label_text({**labels, 'le': edge})}}}" for edge in edges),
            f"{name}_count{{{label_text(labels)}}}",
            f"{name}_sum{{{label_text(labels)}}}",
        ]

    def observe(self, value: float, times: int = 1) -> None:
        """Count ``value``, ``times`` times."""
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times
        self._text = ""

    def fill(self, counts: Sequence[int]) -> None:
        """Count so many observations in each bucket, each at the bucket's upper bound."""
        for index, times in enumerate(counts[: len(self._counts)]):
            bound = self._bounds[index] if index < len(self._bounds) else self._bounds[-1] + 1
            if times:
                self.observe(bound, times)

    @property
    def count(self) -> int:
        """Observations in all."""
        return sum(self._counts)

    @property
    def total(self) -> float:
        """Sum of all observations."""
        return self._sum

    def text(self) -> str:
        """Return the sample lines."""
        if not self._text:
            running, values = 0, []
            for count in self._counts:
                running += count
                values.append(float(running))
            values += [float(running), self._sum]
            self._text = "".join(
                f"{line} {number_text(value)}\n"
                for line, value in zip(self._lines, values, strict=True)
            )
        return self._text
