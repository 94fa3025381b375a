"""The scraper against real sockets: values arrive, faults are told apart, nothing is left over."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.endpoint import Candidate
from epp.datalayer.pool import Pool
from epp.datalayer.scraper import Scraper
from epp.datalayer.tls import ClientTls
from epp.metrics.recorder import EppMetrics

Becomes = Callable[[Pool, Callable[[Candidate], bool]], Awaitable[Candidate]]
Spec = Callable[..., EndpointSpec]


class Stack:
    """A pool with a running scraper."""

    def __init__(self, **options: Any) -> None:
        self.pool = Pool(staleness_seconds=options.pop("staleness_seconds", 2.0))
        self.metrics = EppMetrics()
        self.scraper = Scraper(self.pool, self.metrics, **options)


@contextlib.asynccontextmanager
async def scraping(*specs: EndpointSpec, **options: Any) -> AsyncIterator[Stack]:
    # A scrape that the machine holds up for a moment is none that failed.
    stack = Stack(**{"timeout_seconds": 60.0, **options})
    stack.pool.replace(specs)
    await stack.scraper.start()
    try:
        yield stack
    finally:
        await stack.scraper.stop()


@pytest.mark.parametrize("style", ["length", "chunked", "close"])
async def test_values_arrive_however_the_body_is_framed(
    model_server: Any, spec_of: Spec, becomes: Becomes, style: str
) -> None:
    model_server.style = style
    model_server.load(waiting=7, running=3, kv=0.25)

    async with scraping(spec_of(model_server)) as stack:
        candidate = await becomes(stack.pool, lambda c: c.is_fresh)

        assert candidate.metrics[:3] == (7, 3, 0.25)

        model_server.load(waiting=1)
        stack.scraper.touch()
        candidate = await becomes(stack.pool, lambda c: c.waiting == 1)

        assert candidate.metrics.running == 0


async def test_one_connection_carries_many_scrapes(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    async with scraping(spec_of(model_server), interval_seconds=0.01) as stack:
        for waiting in range(1, 6):
            model_server.load(waiting=waiting)
            stack.scraper.touch()
            await becomes(stack.pool, lambda c, expected=waiting: c.metrics.waiting == expected)

        assert model_server.connections == 1

    assert len(model_server.requests) >= 5
    assert model_server.requests[0].startswith("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_scrapes_are_frequent_under_load_and_seldom_without(
    model_server: Any, spec_of: Spec
) -> None:
    async with scraping(
        spec_of(model_server), interval_seconds=0.01, idle_interval_seconds=0.5
    ) as stack:
        await asyncio.sleep(0.25)
        idle = len(model_server.requests)
        async with asyncio.timeout(7):  # 14 scrapes without load
            while len(model_server.requests) < idle + 16:
                stack.scraper.touch()
                await asyncio.sleep(0.01)

    assert idle <= 3


async def test_a_kept_connection_that_the_server_closed_costs_no_failure(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    async with scraping(spec_of(model_server)) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        model_server.load(waiting=4)
        model_server.drop_connections()
        await becomes(stack.pool, lambda c: c.waiting == 4)

        assert stack.metrics.scrape_errors == {}


async def test_a_server_that_dies_is_unreachable_soon_even_when_idle_and_comes_back(
    model_server: Any, spec_of: Spec, becomes: Becomes, caplog: pytest.LogCaptureFixture
) -> None:
    async with scraping(
        spec_of(model_server), idle_interval_seconds=60.0, staleness_seconds=120.0
    ) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        await model_server.stop()
        died = time.monotonic()
        await becomes(stack.pool, lambda c: not c.is_reachable)

        assert time.monotonic() - died < 30
        assert stack.metrics.scrape_errors["connect"] == 2

        await model_server.start()
        await becomes(stack.pool, lambda c: c.is_reachable and c.is_fresh)

    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "cannot read load of endpoint default/a from http://127.0.0.1:" in said[0]


@pytest.mark.parametrize(
    ("status", "style", "text", "kind"),
    [
        (401, "length", "no", "status"),
        (500, "chunked", "no", "status"),
        (200, "garbage", "", "malformed"),
        (200, "endless", "", "too_large"),
        (200, "half", "", "closed"),
        (200, "stall", "", "timeout"),
        (200, "length", "<html>Welcome</html>", "no_metrics"),
    ],
)
async def test_a_bad_answer_leaves_the_endpoint_reachable_but_not_fresh(  # noqa: PLR0917 - pytest
    model_server: Any,
    spec_of: Spec,
    becomes: Becomes,
    status: int,
    style: str,
    text: str,
    kind: str,
) -> None:
    async with scraping(
        spec_of(model_server),
        staleness_seconds=0.3,
        timeout_seconds=0.1 if style == "stall" else 60.0,
    ) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        model_server.status, model_server.style, model_server.text = status, style, text
        errors = stack.metrics.scrape_errors
        candidate = await becomes(stack.pool, lambda c: errors and not c.is_fresh)

        assert candidate.is_reachable
        assert set(errors) == {kind}


async def test_nobody_listening_from_the_start_is_unreachable(
    spec_of: Spec, becomes: Becomes, new_model_server: Callable[[], Any]
) -> None:
    server = new_model_server()
    await server.start()
    await server.stop()

    async with scraping(spec_of(server)) as stack:
        candidate = await becomes(stack.pool, lambda c: not c.is_reachable)

        assert not candidate.is_fresh


async def test_a_dead_metrics_port_says_nothing_about_the_serving_port(
    model_server: Any, spec_of: Spec, becomes: Becomes, new_model_server: Callable[[], Any]
) -> None:
    metrics_server = new_model_server()
    await metrics_server.start()

    async with scraping(spec_of(model_server), port=metrics_server.port) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        await metrics_server.stop()
        while stack.metrics.scrape_errors["connect"] < 3:  # noqa: ASYNC110 - a plain count
            await asyncio.sleep(0.01)

        assert stack.pool.snapshot()[0].is_reachable

    assert model_server.requests == []


async def test_endpoints_that_come_and_go_are_followed(
    model_server: Any, spec_of: Spec, becomes: Becomes, new_model_server: Callable[[], Any]
) -> None:
    other = new_model_server()
    await other.start()
    other.load(waiting=9)
    try:
        async with scraping(spec_of(model_server)) as stack:
            await becomes(stack.pool, lambda c: c.is_fresh)
            stack.pool.replace([spec_of(other, "b")])
            candidate = await becomes(stack.pool, lambda c: c.is_fresh)

            assert (candidate.endpoint.name, candidate.waiting) == ("b", 9)

            asked = len(model_server.requests)
            stack.scraper.touch()
            await asyncio.sleep(0.1)

            assert len(model_server.requests) == asked
    finally:
        await other.stop()


async def test_a_label_names_the_engine_also_later(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    model_server.text = "sglang:num_queue_reqs 5\nvllm:num_requests_waiting 1\n"
    label = "inference.networking.k8s.io/engine-type"

    async with scraping(spec_of(model_server)) as stack:
        await becomes(stack.pool, lambda c: c.waiting == 1)
        stack.pool.replace([spec_of(model_server, labels={label: "sglang"})])
        stack.scraper.touch()
        await becomes(stack.pool, lambda c: c.waiting == 5)


async def test_an_unknown_engine_is_said_once_and_read_as_the_default(
    model_server: Any, spec_of: Spec, becomes: Becomes, caplog: pytest.LogCaptureFixture
) -> None:
    model_server.load(waiting=3)

    async with scraping(
        spec_of(model_server, labels={"llm-d.ai/engine-type": "vlm"}), interval_seconds=0.01
    ) as stack:
        await becomes(stack.pool, lambda c: c.waiting == 3)
        stack.pool.replace(
            [spec_of(model_server, labels={"llm-d.ai/engine-type": "vlm", "x": "y"})]
        )

    said = [r.message for r in caplog.records if "unknown engine 'vlm'" in r.message]

    assert len(said) == 1
    assert "known are vllm, sglang" in said[0]


async def test_random_bytes_and_sudden_ends_never_reach_the_event_loop(
    spec_of: Spec, becomes: Becomes, new_model_server: Callable[[], Any]
) -> None:
    random = Random(7)
    pieces = [
        b"HTTP/1.1 200 OK\r\n",
        b"Content-Length: 9\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close",
        b"\r\n",
        b"5\r\n",
        b"0\r\n\r\n",
        b"\x00\xff",
        b"vllm:num_requests_waiting 1",
    ]
    serving: set[asyncio.Task[None] | None] = set()
    complaints: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(b"".join(random.choices(pieces, k=random.randrange(9))))
                if random.random() < 0.3:
                    break
        writer.transport.abort()

    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    noise = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = noise.sockets[0].getsockname()[1]
    specs = [EndpointSpec(f"e{number}", "default", "127.0.0.1", port) for number in range(30)]
    async with scraping(*specs, interval_seconds=0.002, timeout_seconds=0.02) as stack:
        async with asyncio.timeout(60):
            for _ in range(20):
                stack.scraper.touch()
                await asyncio.sleep(0.05)
            while sum(stack.metrics.scrape_errors.values()) <= 100:
                stack.scraper.touch()
                await asyncio.sleep(0.05)

    noise.close()
    await noise.wait_closed()
    await asyncio.gather(*filter(None, serving))
    await asyncio.sleep(0)

    assert complaints == []


async def test_a_renamed_metric_is_said_once_and_shown_until_it_is_back(
    model_server: Any, spec_of: Spec, becomes: Becomes, caplog: pytest.LogCaptureFixture
) -> None:
    async with scraping(spec_of(model_server), interval_seconds=0.01) as stack:
        await becomes(stack.pool, lambda c: c.is_fresh)
        model_server.text = "vllm:num_requests_waiting 1\nvllm:num_requests_running 0\n"
        stack.scraper.touch()
        await becomes(stack.pool, lambda c: c.waiting == 1)
        await asyncio.sleep(0.1)
        (names,) = stack.metrics.missing.values()

        assert "vllm:kv_cache_usage_perc" in names

        said = [r.message for r in caplog.records if "vllm:kv_cache_usage_perc" in r.message]

        assert len(said) == 1


async def test_ipv6_literals_work(
    spec_of: Spec, becomes: Becomes, new_model_server: Callable[[], Any]
) -> None:
    server = new_model_server()
    try:
        await server.start(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        async with scraping(spec_of(server, address="::1")) as stack:
            await becomes(stack.pool, lambda c: c.is_fresh)
    finally:
        await server.stop()

    assert f"Host: [::1]:{server.port}" in server.requests[0]


async def test_https_is_asked_without_checking_the_certificate_unless_wanted(
    spec_of: Spec,
    becomes: Becomes,
    new_model_server: Callable[[], Any],
    server_tls: ssl.SSLContext,
) -> None:
    server = new_model_server()
    await server.start(tls=server_tls)
    try:
        async with scraping(spec_of(server), tls=ClientTls(is_verified=False)) as stack:
            await becomes(stack.pool, lambda c: c.is_fresh)

        async with scraping(spec_of(server), tls=ClientTls(is_verified=True)) as stack:
            while not stack.metrics.scrape_errors:  # noqa: ASYNC110 - a plain count
                await asyncio.sleep(0.01)

            assert set(stack.metrics.scrape_errors) == {"tls"}
            assert stack.pool.snapshot()[0].is_reachable
    finally:
        await server.stop()


async def test_stopping_leaves_no_task_and_no_connection(
    model_server: Any, spec_of: Spec, becomes: Becomes
) -> None:
    before = asyncio.all_tasks()
    model_server.style = "stall"
    async with scraping(spec_of(model_server), spec_of(model_server, "b")):
        await model_server.asked.wait()
    async with scraping(spec_of(model_server)):
        pass
    model_server.drop_connections()
    while asyncio.all_tasks() - before:  # noqa: ASYNC110 - the server's side ends by itself
        await asyncio.sleep(0.01)
