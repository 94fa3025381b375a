"""Durations as people write them: ``60ms``, ``1.5s``, ``1m30s``, or a number of milliseconds."""

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(value: object) -> float:
    """Return seconds; nothing is rounded, so that microseconds survive.

    Raises:
        ValueError: not a duration, or negative.
    """
    text = str(value).strip()
    try:
        seconds = float(text) / 1000
    except ValueError:
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(
                f"{value!r} is no duration; write 60ms, 1.5s, 2m or a number of ms"
            ) from None
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{value!r} is not a duration of zero or more")
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds in the largest unit that needs no exponent: ``60ms``, ``1.5s``, ``250us``."""
    for unit in ("s", "ms", "us", "ns"):
        amount = round(seconds / _SECONDS[unit], 6)
        if amount >= 1:
            return f"{amount:.15g}{unit}"
    return "0s"
