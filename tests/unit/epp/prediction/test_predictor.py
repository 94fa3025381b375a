"""Asking the predictor: rows out, times back, many requests at once, and servers that fail."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from epp.datalayer.client import Client
from epp.prediction.features import Features, Observation, Times
from epp.prediction.predictor import Predictor
from epp.prediction.settings import Settings

ROW = Features(0.5, 120, 3, 4, 0.25, 700)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def predicting(
    sidecar: Any, clock: Clock | None = None, **changes: Any
) -> AsyncIterator[Predictor]:
    settings = Settings(sidecar.url, (sidecar.url,), window_seconds=0.0, timeout_seconds=60.0)
    settings = settings._replace(**changes)
    predictor = Predictor(settings, Client, clock=clock or Clock(), chance=Random(1))
    predictor.start()
    try:
        yield predictor
    finally:
        await predictor.stop()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for, however slow the machine is."""
    monkeypatch.setattr("epp.prediction.predictor.PATIENCE_SECONDS", 60.0)


async def ask(predictor: Predictor, *rows: Features) -> Any:
    asked = predictor.predict(rows)
    return None if asked is None else await asked


async def test_the_fields_and_units_are_the_sidecars(sidecar: Any) -> None:
    sidecar.predicts(lambda row: {"ttft_ms": row["input_token_length"], "tpot_ms": 12.5})

    async with predicting(sidecar) as predictor:
        times = await ask(predictor, ROW, ROW._replace(input_token_length=80, pod_type="decode"))

    assert times == [Times(0.120, 0.0125), Times(0.080, 0.0125)]
    assert sidecar.rows() == [
        {
            "kv_cache_percentage": 0.5,
            "input_token_length": 120,
            "num_request_waiting": 3,
            "num_request_running": 4,
            "num_tokens_generated": 1,
            "prefix_cache_score": 0.25,
            "prefill_tokens_in_flight": 700,
            "decode_tokens_in_flight": 0,
        },
        {**sidecar.rows()[0], "input_token_length": 80, "pod_type": "decode"},
    ]


async def test_requests_that_come_together_share_a_call_and_get_their_own_times(
    sidecar: Any,
) -> None:
    sidecar.predicts(lambda row: {"ttft_ms": row["input_token_length"], "tpot_ms": 1})

    async with predicting(sidecar, window_seconds=0.005) as predictor:
        answers = await asyncio.gather(
            *[
                ask(predictor, *[ROW._replace(input_token_length=1000 * n + k) for k in range(n)])
                for n in range(1, 6)
            ]
        )

    assert len(sidecar.calls) == 1
    assert [[round(t.ttft * 1000) for t in times] for times in answers] == [
        [1000 * n + k for k in range(n)] for n in range(1, 6)
    ]


async def test_large_pools_are_asked_for_in_pieces(sidecar: Any) -> None:
    sidecar.predicts(lambda row: {"ttft_ms": row["input_token_length"], "tpot_ms": 1})

    async with predicting(sidecar) as predictor:
        times = await ask(predictor, *[ROW._replace(input_token_length=n) for n in range(250)])

    assert [len(content["requests"]) for _, content in sidecar.calls] == [100, 100, 50]
    assert [round(one.ttft * 1000) for one in times] == list(range(250))


async def test_one_connection_carries_one_call_after_the_other(sidecar: Any) -> None:
    async with predicting(sidecar) as predictor:
        for _ in range(5):
            assert await ask(predictor, ROW)
        sidecar.drop_connections()
        await asyncio.sleep(0.01)
        assert await ask(predictor, ROW)

    assert sidecar.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"predictions": []}',
        b'{"predictions": [{"ttft_ms": "soon", "tpot_ms": 1}]}',
        b'{"predictions": [{"ttft_ms": true, "tpot_ms": 1}]}',
        b'{"predictions": [{"ttft_ms": NaN, "tpot_ms": 1}]}',
        b'{"predictions": [{"ttft_ms": 1}]}',
        b"[" * 100_000,
    ],
)
async def test_an_answer_that_is_no_prediction_predicts_nothing(
    sidecar: Any, answer: bytes
) -> None:
    sidecar.answers = [answer]

    async with predicting(sidecar) as predictor:
        assert await ask(predictor, ROW) is None
        assert await ask(predictor, ROW) is not None


async def test_times_below_zero_are_none_at_all(sidecar: Any) -> None:
    sidecar.predicts(lambda row: {"ttft_ms": -5, "tpot_ms": -1})

    async with predicting(sidecar) as predictor:
        assert await ask(predictor, ROW) == [Times(0.0, 0.0)]


async def test_a_failing_server_is_left_alone_said_once_and_tried_again(
    sidecar: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    await sidecar.stop()

    async with predicting(sidecar, clock) as predictor:
        for _ in range(3):
            assert await ask(predictor, ROW) is None
        assert predictor.predict([ROW]) is None

        clock.now += 1.5
        assert await ask(predictor, ROW) is None
        assert predictor.predict([ROW]) is None

        await sidecar.start()
        clock.now += 2.5
        assert await ask(predictor, ROW) is not None

    said = [r.message for r in caplog.records if r.name.startswith("epp.prediction")]
    assert len(said) == 2
    assert said[0].startswith(f"the latency predictor at {sidecar.url} fails: ")
    assert "scheduled without predictions" in said[0]
    assert said[1] == f"the latency predictor at {sidecar.url} answers again"


async def test_a_server_that_hangs_is_waited_for_shortly(
    sidecar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epp.prediction.predictor.PATIENCE_SECONDS", 0.02)
    sidecar.is_silent = True

    async with predicting(sidecar) as predictor:
        for _ in range(3):
            assert await ask(predictor, ROW) is None
        assert predictor.predict([ROW]) is None


async def test_one_of_two_servers_is_enough(sidecar: Any) -> None:
    dead = "http://127.0.0.1:9"

    async with predicting(sidecar, prediction_urls=(dead, sidecar.url)) as predictor:
        for _ in range(20):
            await ask(predictor, ROW)
        assert [await ask(predictor, ROW) for _ in range(5)] == [[Times(0.1, 0.01)]] * 5


async def test_a_flood_of_requests_does_not_pile_up_before_a_slow_server(
    sidecar: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epp.prediction.predictor.PATIENCE_SECONDS", 0.05)
    sidecar.is_silent = True

    async with predicting(sidecar, max_calls=2, max_bulk_size=10) as predictor:
        asked = [predictor.predict([ROW]) for _ in range(50)]
        waiting = [one for one in asked if one is not None]
        assert 10 <= len(waiting) <= 14
        assert set(map(repr, await asyncio.gather(*waiting))) == {"None"}


async def test_observations_are_sent_together_in_milliseconds(sidecar: Any) -> None:
    async with predicting(sidecar) as predictor:
        predictor.learn(Observation(ROW, 0.25, 0.0, 1_700_000_000.5))
        predictor.learn(Observation(ROW, 0.0, 0.031, 1_700_000_001.0))
        await predictor.flush()
        await predictor.flush()

    assert len(sidecar.calls) == 1
    first, second = sidecar.entries()
    assert (first["actual_ttft_ms"], first["actual_tpot_ms"]) == (250.0, 0.0)
    assert (second["actual_ttft_ms"], second["actual_tpot_ms"]) == (0.0, 31.0)
    assert first["timestamp"] == "2023-11-14T22:13:20.500000Z"
    assert first["num_tokens_generated"] == 0
    assert first["input_token_length"] == 120


async def test_observations_do_not_pile_up_while_nobody_takes_them(
    sidecar: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sidecar.status = 503

    async with predicting(sidecar, max_sample_size=20) as predictor:
        for _ in range(5):
            for n in range(500):
                predictor.learn(Observation(ROW, n % 2, (n + 1) % 2, 1.0))
            await predictor.flush()
        sidecar.status = 200
        for n in range(500):
            predictor.learn(Observation(ROW, float(n % 2), float((n + 1) % 2), 1.0))
        predictor._school.succeeded()
        await predictor.flush()

    entries = sidecar.entries()
    assert len(entries) == 20
    assert {bool(entry["actual_ttft_ms"]) for entry in entries} == {True, False}
    said = [r.message for r in caplog.records if "nothing is learnt" in r.message]
    assert len(said) == 1


async def test_stopping_lets_nobody_wait(sidecar: Any) -> None:
    sidecar.is_silent = True
    async with predicting(sidecar) as predictor:
        asked = predictor.predict([ROW])
        assert asked is not None
        await asyncio.sleep(0)
    assert await asked is None
    assert json.dumps(sidecar.calls) == "[]"
