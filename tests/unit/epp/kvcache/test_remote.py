"""A server that is asked for token ids may be anything."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from epp.api.data import Tokens, find
from epp.api.request import Request
from epp.kvcache import remote
from epp.kvcache.remote import RemoteTokenizer
from epp.kvcache.tokens import Tokenization

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers ``/tokenize`` as told, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.credentials: list[str] = []
        self.answer: Answer = self._length
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.credentials.append(request.headers.get("authorization", ""))
        return await self.answer(request)

    async def _length(self, request: web.Request) -> web.StreamResponse:
        text = json.dumps(await request.json())
        return web.json_response({"count": 3, "tokens": [1, 2, len(text)]})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_post("/tokenize", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def patience() -> float:
    """How long an answer is waited for, in seconds; a slow machine is given its time."""
    return 60.0


@pytest.fixture
async def way(server: Server, patience: float) -> AsyncIterator[Tokenization]:
    made = Tokenization(remote=lambda: RemoteTokenizer(server.url, patience, patience))
    await made.start()
    yield made
    await made.stop()


def asking(**body: Any) -> Request:
    return Request(
        "id", {"authorization": "Bearer x"}, "m", target_model="poet", body=body, size=99
    )


async def tokens_of(way: Tokenization, request: Request) -> list[list[int]] | None:
    waiting = way.produce(request)
    if waiting is not None:
        await waiting
    found = find(request, Tokens)
    return None if found is None else [list(prompt) for prompt in found.prompts]


async def test_the_server_is_asked_once_for_each_prompt(server: Server, way: Tokenization) -> None:
    first = await tokens_of(way, asking(prompt=["a", "b"]))
    again = await tokens_of(way, asking(prompt=["a", "b"]))

    assert first == again
    assert first is not None
    assert len(first) == 2
    assert server.asked == [
        {"model": "poet", "prompt": text, "add_special_tokens": True} for text in "ab"
    ]
    assert server.credentials == ["Bearer x", "Bearer x"]


async def test_a_chat_is_sent_with_what_its_template_reads(
    server: Server, way: Tokenization
) -> None:
    messages = [{"role": "user", "content": "hi"}]
    await tokens_of(way, asking(messages=messages, tools=[{"type": "f"}], temperature=1))

    assert server.asked == [{"model": "poet", "messages": messages, "tools": [{"type": "f"}]}]


BAD = {
    "no json": b"{",
    "no tokens": b"{}",
    "text": b'{"tokens": ["a"]}',
    "negative": b'{"tokens": [-1]}',
    "too large": b'{"tokens": [4294967296]}',
    "booleans": b'{"tokens": [true]}',
    "a number": b"7",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
async def test_an_answer_that_makes_no_sense_is_no_answer(
    server: Server, way: Tokenization, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    server.answer = answer

    assert await tokens_of(way, asking(prompt="a")) is None


async def test_a_server_that_fails_is_left_alone_for_a_moment(
    server: Server, way: Tokenization, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    monkeypatch.setattr(remote, "_REST_SECONDS", 1000.0)
    server.answer = answer
    for text in "abc":
        assert await tokens_of(way, asking(prompt=text)) is None

    assert len(server.asked) == 1

    assert way._remote is not None
    monkeypatch.setattr(way._remote, "_resting_until", 0.0)
    server.answer = server._length

    assert await tokens_of(way, asking(prompt="d")) is not None


async def test_a_prompt_that_the_server_refuses_stops_nobody_else(
    server: Server, way: Tokenization
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=400)

    server.answer = answer

    assert await tokens_of(way, asking(prompt="too long")) is None

    server.answer = server._length

    assert await tokens_of(way, asking(prompt="short")) is not None


@pytest.mark.parametrize("patience", [0.3])
async def test_a_slow_and_an_endless_answer_are_given_up(
    server: Server, way: Tokenization, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await stopped.wait()
        return web.Response()

    server.answer = slow

    assert await tokens_of(way, asking(prompt="a")) is None

    stopped.set()
    assert way._remote is not None
    monkeypatch.setattr(way._remote, "_resting_until", 0.0)
    monkeypatch.setattr(remote, "_MAX_ANSWER_BYTES", 10_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" " * 1000)
        return response

    server.answer = endless

    assert await tokens_of(way, asking(prompt="b")) is None
