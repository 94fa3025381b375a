"""The client of measurements before servers that do what servers do, and what none should."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gaiectl.checks.perf.client import Client
from gaiectl.checks.perf.load import Load, Step
from gaiectl.checks.perf.sample import Sample
from gaiectl.checks.perf.steps import Cut, measure
from gaiectl.checks.perf.tally import Result
from gaiectl.checks.target import Endpoint
from gaiectl.errors import GaieError

BODY = b'{"choices": [{"text": "a"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-inference-pod: p\r\n\r\n%s" % (len(BODY), BODY)
SHED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nfull"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Yield the URL of a server that handles each connection so."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/root"
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read a whole request and return its first line."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head.partition(b"\r\n")[0]


async def asked(serve: Serve, times: int = 1, seconds: float = 60.0) -> list[Sample]:
    async with serving(serve) as url:
        client = Client(url, "/v1/completions", [], seconds)
        try:
            return [await client.ask(b"{}", streams=False) for _ in range(times)]
        finally:
            client.close()


async def test_one_connection_serves_many_requests_one_after_the_other() -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            assert await request(reader) == b"POST /root/v1/completions HTTP/1.1"
            writer.write(GOOD)

    samples = await asked(serve, times=5)

    assert [(one.failure, one.endpoint) for one in samples] == [("", "p")] * 5
    assert len(connections) == 1


async def test_a_connection_that_was_closed_meanwhile_costs_no_request() -> None:
    """The server reads the second request and closes: it took the connection for an idle one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(GOOD)
        await request(reader)

    samples = await asked(serve, times=4)

    assert [one.failure for one in samples] == [""] * 4


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (SHED, "429", "full"),
        (b"", "no connection", "closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "no connection", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000, "no connection", "not HTTP"),
        (GOOD[:-5], "broken stream", "closed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, "", ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, "", ""),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (20 << 20), "bad answer", "no end"),
    ],
)
async def test_an_answer_of_any_make_is_a_success_or_has_its_class(
    answer: bytes, failure: str, said: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    (sample,) = await asked(serve)

    assert sample.failure == failure
    assert said in sample.said


async def test_a_server_that_stands_still_is_a_timeout() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.read()

    (sample,) = await asked(serve, seconds=0.1)

    assert sample.failure == "timeout"
    assert 0.1 <= sample.seconds < 30


@dataclass
class Paper:
    """Implements ``gaiectl.checks.target.Target`` as far as measurements ask."""

    gateway_url: str
    model: str = "m"
    endpoints: list[Endpoint] = field(default_factory=list)
    metrics_url: str = ""
    metrics_hidden: str = ""


async def measured(serve: Serve, load: Load, seconds: float = 30) -> tuple[list[Result], Cut]:
    ended: list[Result] = []
    async with serving(serve) as url:
        results, cut = await measure(
            Paper(url),  # type: ignore[arg-type] # it has no more than is asked for
            load,
            seconds=seconds,
            begins=lambda _: None,
            ends=ended.append,
        )
    assert ended == results
    return results, cut


async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request(reader)
        await asyncio.sleep(0.01)
        writer.write(GOOD)


async def test_each_step_sends_what_it_was_told_to() -> None:
    load = Load(steps=(Step(1), Step(3), Step(rate=200)), requests=9, streams=False)
    results, cut = await measured(good, load)

    assert [one.begun for one in results] == [one.succeeded for one in results] == [9, 9, 9]
    assert cut is Cut.NOTHING
    # One after the other, so that all of them took about what the step did.
    (alone, *_) = results
    assert 9 * 0.0099 <= alone.whole.sum <= alone.seconds
    assert alone.first.count == 0


async def test_an_open_loop_sends_on_though_nothing_is_answered() -> None:
    """No request of the step is answered before the last one has come; all are waited for."""
    count, warm, wanted = 0, 16, 25
    all_are_there = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while True:
            await request(reader)
            count += 1
            if count == warm + wanted:
                all_are_there.set()
            if count > warm:
                await all_are_there.wait()
            writer.write(GOOD)

    load = Load(steps=(Step(rate=100),), requests=wanted, streams=False)
    (result,), _ = await measured(serve, load)

    assert (result.begun, result.succeeded) == (wanted, wanted)


async def test_an_open_loop_lasts_as_long_as_it_was_told_to() -> None:
    load = Load(steps=(Step(rate=100),), seconds=0.25, streams=False)
    (result,), _ = await measured(good, load)

    assert result.seconds >= 0.25
    assert result.succeeded == result.begun <= 70  # 25 are expected; 71 come once in 10^13 times


async def test_what_was_measured_when_the_time_is_over_is_kept() -> None:
    load = Load(steps=(Step(2), Step(4)), seconds=60, streams=False)
    (result,), cut = await measured(good, load, seconds=3)

    assert cut is Cut.OUT_OF_TIME
    assert result.succeeded > 5
    assert result.failures == {}


async def test_a_gateway_that_refuses_everything_is_no_measurement() -> None:
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while True:
            await request(reader)
            count += 1
            writer.write(SHED)

    with pytest.raises(GaieError, match="none of 10 requests for model m was answered: 429"):
        await measured(serve, Load(steps=(Step(2),), streams=False))
    assert count == 10


async def test_refused_clients_do_not_hammer() -> None:
    answers = iter([GOOD])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(next(answers, SHED))

    (result,), _ = await measured(serve, Load(steps=(Step(1),), requests=4, streams=False))

    assert result.failures == {"429": 4}
    assert result.seconds >= 4 * 0.1
    assert result.said == {"429": "full"}


async def test_a_connection_that_is_not_made_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    monkeypatch.setattr("gaiectl.checks.perf.client.CONNECT_SECONDS", 0.05)
    async with serving(silent) as url:
        client = Client(url.replace("http:", "https:"), "/v1/completions", [], 60)
        sample = await client.ask(b"{}", streams=False)
        client.close()

    assert sample.failure == "no connection"
    assert sample.said == "ConnectionError: none was made within 0.05 s"


async def test_as_many_connections_are_opened_as_the_system_lets_us() -> None:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, most)
    )
    try:
        results, _ = await measured(good, Load(steps=(Step(40),), requests=80, streams=False))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))

    assert results[0].failures == {}
