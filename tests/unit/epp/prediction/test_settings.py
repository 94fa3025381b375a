"""The environment variables of GAIE's predictor client."""

import pytest

from epp.prediction.settings import Settings, from_environment


def test_without_variables_the_defaults_count() -> None:
    assert from_environment({}) == (
        Settings(
            training_url="http://localhost:8000",
            prediction_urls=("http://localhost:8001",),
            max_sample_size=1000,
            flush_seconds=1.0,
            timeout_seconds=10.0,
            max_bulk_size=100,
            window_seconds=0.001,
            max_rows=0,
            max_calls=36,
        ),
        (),
    )


def test_every_variable_has_its_place() -> None:
    settings, notes = from_environment(
        {
            "TRAINING_SERVER_URL": "http://train:1",
            "PREDICTION_SERVER_URL": "http://a:1, http://b:2,",
            "LATENCY_MAX_SAMPLE_SIZE": "7",
            "LATENCY_FLUSH_INTERVAL_SEC": "2",
            "LATENCY_HTTP_TIMEOUT_SEC": "3",
            "LATENCY_MAX_BULK_SIZE": "50",
            "LATENCY_COALESCE_WINDOW_MS": "0",
            "LATENCY_MAX_COALESCED_ROWS": "400",
            "LATENCY_MAX_CONCURRENT_DISPATCHES": "8",
            "LATENCY_USE_NATIVE_XGBOOST": "false",
            "LATENCY_METRICS_INTERVAL_SEC": "60",
        }
    )

    urls = ("http://a:1", "http://b:2")
    assert settings == Settings("http://train:1", urls, 7, 2, 3, 50, 0.0, 400, 8)
    assert notes == ()


@pytest.mark.parametrize("text", ["many", "-1", "0", "1.5", "101", "٣"])
def test_what_is_no_such_number_is_noted_and_the_default_used(text: str) -> None:
    settings, notes = from_environment({"LATENCY_MAX_BULK_SIZE": text})

    assert settings.max_bulk_size == 100
    assert notes == (f"LATENCY_MAX_BULK_SIZE is {text!r}, not a whole number from 1 to 100",)
