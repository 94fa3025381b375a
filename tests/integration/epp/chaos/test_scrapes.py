"""Model servers whose metrics are the worst that a socket can bring cost only themselves."""

import asyncio
import contextlib
import itertools
import math
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.long

Start = Callable[..., Any]
Connect = Callable[[Any], Any]
Answer = Callable[["Writer"], Awaitable[None]]
Writer = asyncio.StreamWriter

BODY = b'{"model": "m", "prompt": "the bay"}'
MIB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\n"
SECONDS = 4.0


def figures(waiting: int) -> bytes:
    return (
        b"vllm:num_requests_waiting %d\nvllm:num_requests_running 0\n"
        b"vllm:kv_cache_usage_perc 0\nvllm:cache_config_info"
        b'{block_size="16",num_gpu_blocks="9"} 1\n' % waiting
    )


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def never(_: Writer) -> None:
    await asyncio.sleep(3600)


async def drip(writer: Writer) -> None:
    for byte in whole(figures(0)):
        writer.write(bytes([byte]))
        await asyncio.sleep(1.0)


def always(data: bytes, *, then_close: bool = False) -> Answer:
    async def answer(writer: Writer) -> None:
        writer.write(data)
        await writer.drain()
        if then_close:
            writer.close()

    return answer


def endless(head: bytes, piece: bytes) -> Answer:
    async def answer(writer: Writer) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()

    return answer


async def reset(writer: Writer) -> None:
    now = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    writer.transport.abort()


def taking_turns() -> Answer:
    turns = itertools.cycle([whole(figures(0)), b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"])

    async def answer(writer: Writer) -> None:
        writer.write(next(turns))

    return answer


NOISE = random.Random(1).randbytes(4096)
LABELS = b'vllm:num_requests_waiting{engine="a\\"b\\n}\0",x="' + b"y" * MIB + b'"} NaN\n'
SERIES = b"".join(b'vllm:num_requests_waiting{engine="%d"} -1\n' % n for n in range(50_000))
HOSTILE: dict[str, Answer] = {
    "hangs": never,
    "drips": drip,
    "10-mib": always(whole(b"x 1\n" * (10 * MIB // 4))),
    "endless-body": endless(HEAD + b"\r\n", b"x 1\n" * 10_000),
    "endless-chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nx\n\r\n" * 1000),
    "endless-headers": endless(HEAD, b"x-more: y\r\n" * 1000),
    "garbage": always(NOISE, then_close=True),
    "reset": reset,
    "closes": always(b"", then_close=True),
    "redirects": always(b"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    "too-short": always(HEAD + b"Content-Length: 900\r\n\r\n" + figures(0), then_close=True),
    "too-long": always(HEAD + b"Content-Length: 5\r\n\r\n" + figures(0)),
    "strange-length": always(HEAD + b"Content-Length: -1\r\n\r\n"),
    "strange-labels": always(whole(LABELS + figures(0)[figures(0).index(b"\n") + 1 :])),
    "many-series": always(whole(SERIES)),
    "a-long-name": always(whole(b"vllm:cache_config_info{" + b"a" * MIB + b"} 1\n")),
    "takes-turns": taking_turns(),
}


class ModelServers:
    """Answers as each one does, in a thread, until ``reform``; then all tell their load."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.began = time.monotonic()
        self.waiting = 0
        self.is_honest = False
        # It accepts connections as far as the kernel does that alone.
        self._mute = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._is_listening = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self._thread.start()
        self._is_listening.wait()
        self.addresses["half-open"] = f"127.0.0.1:{self._mute.getsockname()[1]}"

    def stop(self) -> None:
        self._mute.close()
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            for name, answer in [*HOSTILE.items(), ("honest", None)]:
                server = await asyncio.start_server(self._serving(answer), "127.0.0.1", 0)
                stack.callback(server.close)
                self.addresses[name] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self._is_listening.set()
            await self._ending.wait()

    def _serving(self, answer: Answer | None) -> Callable[..., Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while not writer.is_closing():
                    await reader.readuntil(b"\r\n\r\n")
                    if answer is None or self.is_honest:
                        writer.write(whole(figures(self.waiting)))
                    else:
                        await answer(writer)
            writer.transport.abort()

        return serve


@pytest.fixture(scope="module")
def servers() -> Iterator[ModelServers]:
    running = ModelServers()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def epp(begin: Start, servers: ModelServers) -> Any:
    return begin("--secure-serving=false", **servers.addresses)


def test_the_honest_one_is_followed_and_requests_are_served_among_the_worst(
    epp: Any, servers: ModelServers, words: Any, connect: Connect
) -> None:
    peer = connect(epp)
    marks = []
    slow = []

    def slowest_answer() -> float:
        slowest = 0.0
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            began = time.perf_counter()
            reply = peer.ask(BODY)
            slowest = max(slowest, time.perf_counter() - began)
            assert words.destination(reply) in servers.addresses.values()
        return slowest

    for half in (1, 2):
        slow.append(slowest_answer())
        # The machine may stand still for a moment; what a scrape brings comes again each second.
        while slow[-1] >= 1.0 and len(slow) < 5:
            slow.append(slowest_answer())
        assert slow[-1] < 1.0, slow
        marks.append(words.footprint(epp))
        servers.waiting = 7 * half
        words.until(
            lambda: (
                words.sample(
                    epp,
                    "inference_pool_per_pod_queue_size",
                    model_server_pod="honest",
                )
                == servers.waiting
            ),
            "the honest one's load is known",
            10.0,
        )

    print(f"slowest answer {max(slow) * 1e3:.0f} ms, {marks}")
    assert marks[1].mebibytes < marks[0].mebibytes + 32
    assert marks[1].descriptors <= marks[0].descriptors + len(servers.addresses)
    kinds = set(re.findall(r'scrape_errors_total\{kind="(\w+)"', epp.http("/metrics").text))
    assert kinds >= {"timeout", "closed", "malformed", "too_large", "status", "no_metrics"}


def test_each_one_is_complained_of_once(epp: Any, servers: ModelServers, words: Any) -> None:
    log = epp.log.read_text()
    # Of another fault of the same endpoint once in ten seconds at most.
    most = 1 + math.ceil((time.monotonic() - servers.began) / 10)

    assert "Traceback" not in log
    assert max(map(len, log.splitlines())) < 2000
    for name in HOSTILE:
        about = [line for line in log.splitlines() if f"/{name} " in line or f'/{name}"' in line]
        assert len(about) <= most, "\n".join(about)
    assert not words.said(epp, "default/honest")


def test_all_are_known_again_when_they_behave(epp: Any, servers: ModelServers, words: Any) -> None:
    servers.is_honest = True
    wanted = set(HOSTILE)

    def known() -> bool:
        return wanted <= set(
            re.findall(
                rf'per_pod_queue_size\{{.*?model_server_pod="(.*?)".*?\}} {servers.waiting}\n',
                epp.http("/metrics").text,
            )
        )

    words.until(known, "they are known")
