"""How the predictor is reached, from GAIE's environment variables."""

from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """Where the predictor is, and how it is called.

    Attributes:
        training_url: takes observations (``TRAINING_SERVER_URL``).
        prediction_urls: any of them predicts (``PREDICTION_SERVER_URL``, with commas).
        max_sample_size: observations sent at once (``LATENCY_MAX_SAMPLE_SIZE``).
        flush_seconds: between two sendings (``LATENCY_FLUSH_INTERVAL_SEC``).
        timeout_seconds: of a call (``LATENCY_HTTP_TIMEOUT_SEC``).
        max_bulk_size: endpoints in one piece of a call (``LATENCY_MAX_BULK_SIZE``).
        window_seconds: how long a call waits for others to join
            (``LATENCY_COALESCE_WINDOW_MS``).
        max_rows: endpoints in one call; 0 is no limit (``LATENCY_MAX_COALESCED_ROWS``).
        max_calls: calls at once (``LATENCY_MAX_CONCURRENT_DISPATCHES``).
    """

    training_url: str = "http://localhost:8000"
    prediction_urls: tuple[str, ...] = ("http://localhost:8001",)
    max_sample_size: int = 1000
    flush_seconds: float = 1.0
    timeout_seconds: float = 10.0
    max_bulk_size: int = 100
    window_seconds: float = 0.001
    max_rows: int = 0
    max_calls: int = 36


class _Number(NamedTuple):
    field: str
    least: int
    most: int = 2**31
    factor: float = 1


_NUMBERS = {
    "LATENCY_MAX_SAMPLE_SIZE": _Number("max_sample_size", 1),
    "LATENCY_FLUSH_INTERVAL_SEC": _Number("flush_seconds", 1),
    "LATENCY_HTTP_TIMEOUT_SEC": _Number("timeout_seconds", 1),
    "LATENCY_MAX_BULK_SIZE": _Number("max_bulk_size", 1, 100),
    "LATENCY_COALESCE_WINDOW_MS": _Number("window_seconds", 0, 10_000, 0.001),
    "LATENCY_MAX_COALESCED_ROWS": _Number("max_rows", 0),
    "LATENCY_MAX_CONCURRENT_DISPATCHES": _Number("max_calls", 1, 10_000),
}
UNUSED = ("LATENCY_USE_NATIVE_XGBOOST", "LATENCY_METRICS_INTERVAL_SEC")
"""Variables of the same family that choose how a Go EPP predicts a single endpoint; this one always
asks the predictor, for all endpoints at once."""


def from_environment(environment: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and what is wrong with variables whose default is used instead."""
    changes: dict[str, object] = {}
    notes = []
    if training := environment.get("TRAINING_SERVER_URL", "").strip():
        changes["training_url"] = training
    urls = [url.strip() for url in environment.get("PREDICTION_SERVER_URL", "").split(",")]
    if any(urls):
        changes["prediction_urls"] = tuple(url for url in urls if url)
    for variable, (field, least, most, factor) in _NUMBERS.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        is_number = text.isascii() and text.isdigit()
        if is_number and least <= int(text) <= most:
            changes[field] = int(text) * factor if factor != 1 else int(text)
        else:
            notes.append(f"{variable} is {text[:40]!r}, not a whole number from {least} to {most}")
    return Settings()._replace(**changes), tuple(notes)  # type: ignore[arg-type] # by field name
