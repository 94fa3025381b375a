"""Under load: metrics that move, queues that fill, adapters that wait, streams that keep time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

URL = "/v1/completions"


async def one(client: httpx.AsyncClient, **more: object) -> httpx.Response:
    return await client.post(URL, json={"prompt": "hello there", **more})


def processor_seconds(run: Any) -> float:
    """Return how long a simulator has had a processor, whoever else wanted it."""
    stat = Path(f"/proc/{run.process.pid}/stat")
    if not stat.exists():
        pytest.skip("needs /proc")
    ticks = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.fixture(name="ask")
async def asker() -> AsyncIterator[Callable]:
    clients: list[httpx.AsyncClient] = []

    def connect(run: Any) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=200)
        clients.append(httpx.AsyncClient(base_url=run.url, timeout=60, limits=limits))
        return clients[-1]

    yield connect

    for client in clients:
        await client.aclose()


async def test_every_metric_moves_under_load(simulator: Callable, ask: Callable) -> None:
    run = simulator(
        "--max-num-seqs=2", "--time-to-first-token=50ms", "--inter-token-latency=5ms",
        "--max-loras=1", "--lora-modules", '{"name": "a"}', '{"name": "b"}',
    )  # fmt: skip
    client = ask(run)
    before = run.metrics()
    prompt = "The same long prompt again and again. " * 8
    await one(client, prompt=prompt, max_tokens=8, ignore_eos=True)
    # The first two hold their places for as long as we look.
    (await client.post("/admin/faults", json={"name": "stall"})).raise_for_status()
    tasks = [
        asyncio.create_task(one(client, prompt=prompt, max_tokens=20, ignore_eos=True, model=model))
        for model in ("a", "b", "a", "b", "a", "b")
    ]
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_waiting", 4)
    during = await asyncio.to_thread(run.metrics)
    (await client.delete("/admin/faults")).raise_for_status()
    assert {(await task).status_code for task in tasks} == {200}
    after = run.metrics()

    def moved(name: str) -> bool:
        def total(samples: dict[str, float]) -> list[tuple[str, float]]:
            return sorted((k, v) for k, v in samples.items() if k.startswith(f"{name}{{"))

        return total(before) != total(during) or total(before) != total(after)

    families = {name.partition("{")[0] for name in before}
    assert {name for name in families if not moved(name)} == {"vllm:cache_config_info"}


async def test_the_queue_is_shown_and_its_end_is_429(simulator: Callable, ask: Callable) -> None:
    run = simulator("--max-num-seqs=2", "--max-waiting-queue-length=3", "--time-to-first-token=1h")
    client = ask(run)
    tasks = [asyncio.create_task(one(client)) for _ in range(5)]
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_waiting", 3)

    assert run.metric("vllm:num_requests_running") == 2
    refused = await one(client)
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "RateLimitError"
    streamed = await one(client, stream=True)
    assert streamed.status_code == 429
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(run.wait_for_rest)


async def test_adapters_wait_their_turn_and_the_newest_series_tells_it(
    simulator: Callable, ask: Callable
) -> None:
    run = simulator("--max-loras=1", "--time-to-first-token=1h")
    client = ask(run)
    for name in ("a", "b"):
        body = {"lora_name": name, "lora_path": f"/{name}"}
        loaded = await client.post("/v1/load_lora_adapter", json=body)
        assert loaded.text == f"Success: LoRA adapter '{name}' added successfully."

    def newest() -> str:
        series = {k: v for k, v in run.metrics().items() if "lora_requests_info" in k}
        return max(series, key=series.__getitem__).partition("{")[2]

    async def leave(task: asyncio.Task[httpx.Response]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    first = asyncio.create_task(one(client, model="a", max_tokens=2))
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_running", 1)
    second = asyncio.create_task(one(client, model="b", max_tokens=2))
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_waiting", 1)
    state = 'max_lora="1",running_lora_adapters="{}",waiting_lora_adapters="{}"}}'
    assert await asyncio.to_thread(newest) == state.format("a", "b")
    await leave(first)
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_waiting", 0)
    assert await asyncio.to_thread(newest) == state.format("b", "")
    await leave(second)
    await asyncio.to_thread(run.wait_for, "vllm:num_requests_running", 0)
    assert await asyncio.to_thread(newest) == state.format("", "")

    await client.post("/v1/unload_lora_adapter", json={"lora_name": "a"})
    assert (await one(client, model="a")).status_code == 404


async def test_a_stream_keeps_its_time(simulator: Callable, ask: Callable) -> None:
    run = simulator("--time-to-first-token=400ms", "--inter-token-latency=10ms")
    client = ask(run)
    body = {"prompt": "a", "max_tokens": 31, "ignore_eos": True, "stream": True}

    async def times() -> tuple[float, float, float]:
        """Return how long headers, first and last token took."""
        began = time.monotonic()
        async with client.stream("POST", URL, json=body) as answer:
            headers = time.monotonic() - began
            arrivals = [
                time.monotonic() - began
                async for line in answer.aiter_lines()
                if '"text":"' in line and '"text":""' not in line
            ]
        assert len(arrivals) == 31
        # Nothing comes before its time, whenever it is read.
        assert arrivals[0] > 0.39
        assert arrivals[-1] > 0.69
        return headers, arrivals[0], arrivals[-1]

    # A busy machine may hold up any of them, but not all.
    for _ in range(20):
        headers, first, last = await times()
        if headers < first - 0.1 and first < 1 and last - first < 1:
            return
    raise AssertionError((headers, first, last))


async def test_without_latency_thousands_of_chunks_a_second_come(
    simulator: Callable, ask: Callable
) -> None:
    run = simulator("--max-model-len", "30000")
    body = {"prompt": "a", "max_tokens": 20_000, "ignore_eos": True, "stream": True}
    before = processor_seconds(run)
    answer = await ask(run).post(URL, json=body)
    seconds = processor_seconds(run) - before

    assert answer.text.count("data: {") == 20_001
    assert seconds < 20_000 / 4000


async def test_a_client_that_goes_away_frees_its_place(simulator: Callable, ask: Callable) -> None:
    run = simulator("--inter-token-latency=20ms", "--max-model-len", "5000")
    body = {"prompt": "a", "max_tokens": 4000, "ignore_eos": True, "stream": True}
    async with ask(run).stream("POST", URL, json=body) as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        assert await asyncio.to_thread(run.metric, "vllm:num_requests_running") == 1

    await asyncio.to_thread(run.wait_for, "vllm:num_requests_running", 0)


async def test_clients_that_go_away_at_any_moment_leave_no_trace(simulator: Callable) -> None:
    run = simulator("--inter-token-latency=1ms", "--max-num-seqs=3")
    port = int(run.url.rpartition(":")[2])
    body = b'{"prompt": "a", "max_tokens": 200, "ignore_eos": true, "stream": true, "n": 2}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def leave_after(seconds: float) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body)
        await asyncio.sleep(seconds)
        writer.transport.abort()

    await asyncio.gather(*(leave_after(number * 0.003) for number in range(200)))
    await asyncio.to_thread(run.wait_for_rest)


async def test_an_idle_simulator_costs_nearly_nothing(simulator: Callable, ask: Callable) -> None:
    run = simulator("--max-model-len", "100000")
    client = ask(run)
    for _ in range(20):
        await one(client, prompt="word " * 5000, max_tokens=200, ignore_eos=True)
    before = processor_seconds(run)
    await asyncio.sleep(1)
    assert processor_seconds(run) - before < 0.025
    with open(f"/proc/{run.process.pid}/status") as file:  # noqa: ASYNC230, PTH123 - no disk
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    assert resident < 60 * 1024
