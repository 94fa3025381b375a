"""Requests for generated text over HTTP: read, run, write; and be broken where a fault says so."""

import asyncio
import socket
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import orjson
from aiohttp import web

from gaiectl.simulator.answers.dialect import Dialect
from gaiectl.simulator.answers.plan import Choice, choices
from gaiectl.simulator.answers.request import Ask
from gaiectl.simulator.engine import Ticket
from gaiectl.simulator.failures import ApiError, asked_for, injected
from gaiectl.simulator.lora import Models
from gaiectl.simulator.settings import Settings
from gaiectl.simulator.slots import QueueFull
from gaiectl.simulator.state import ModelServer

Read = Callable[[Mapping[str, Any], Models], Ask]
Write = Callable[[Ask, Settings, str, int], Dialect]

_STALL_LOOK = 0.05


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        ApiError: 400, it is no JSON object.
    """
    raw = await request.read()
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return value


class Generation:
    """The handler of one API."""

    def __init__(self, server: ModelServer, read: Read, write: Write) -> None:
        self._server = server
        self._read = read
        self._write = write

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request.

        Raises:
            ApiError: what is wrong with it, or what was asked or injected to go wrong.
        """
        server = self._server
        fields = await read_object(request)
        faults = server.faults
        if faults.hits("reset-before-headers"):
            await reset(request)
        if faults.hits("slow-first-byte"):
            await asyncio.sleep(server.settings.failures.slow_first_byte_delay)
        self._refuse(request)
        ask = self._read(fields, server.models)
        planned = choices(ask, server.settings, server.rng)
        if request.headers.get("X-Cache-Threshold-Finish-Reason", "").lower() == "true":
            for choice in planned:
                choice.job.threshold = float("inf")
        request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex
        dialect = self._write(ask, server.settings, request_id, int(time.time()))
        try:
            tickets = server.engine.enter([choice.job for choice in planned])
        except QueueFull:
            raise ApiError(429, "The waiting queue is full; try again later.") from None
        try:
            answer = _Answer(server, request, dialect, planned, tickets)
            return await (answer.stream() if ask.stream else answer.whole())
        finally:
            for ticket in tickets:
                server.engine.leave(ticket)

    def _refuse(self, request: web.Request) -> None:
        server = self._server
        if "X-Return-Error" in request.headers:
            raise asked_for(request.headers["X-Return-Error"])
        if server.asleep:
            raise ApiError(503, "The engine is asleep; wake it by POST /wake_up.")
        failures = server.settings.failures
        error = injected(
            server.rng,
            rate=failures.failure_injection_rate,
            types=failures.failure_types,
            model=server.models.base,
        )
        if error is not None:
            raise error


class _Answer:
    """One answer on its way out."""

    def __init__(
        self,
        server: ModelServer,
        request: web.Request,
        dialect: Dialect,
        planned: Sequence[Choice],
        tickets: Sequence[Ticket],
    ) -> None:
        self._server = server
        self._request = request
        self._dialect = dialect
        self._planned = planned
        self._tickets = tickets
        self._resets = server.faults.hits("reset-mid-stream")
        self._stalls = server.faults.hits("stall")
        self._half = sum(len(choice.output.pieces) for choice in planned) // 2
        self._sent = 0

    async def whole(self) -> web.StreamResponse:
        await self._all(self._wait)
        body = orjson.dumps(self._dialect.whole(self._planned))
        if not self._resets and not self._stalls:
            return web.Response(body=body, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(self._request)
        middle = len(body) // 2
        await response.write(body[:middle])
        await self._break()
        await response.write(body[middle:])
        return response

    async def stream(self) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
            }
        )
        await response.prepare(self._request)
        opening = self._dialect.opening(self._planned)
        if opening:
            await response.write(opening)

        async def write(choice: Choice, ticket: Ticket) -> None:
            await self._write_choice(response, choice, ticket)

        await self._all(write)
        await response.write(self._dialect.closing(self._planned))
        return response

    async def _all(self, one: Callable[[Choice, Ticket], Any]) -> None:
        if len(self._planned) == 1:
            await one(self._planned[0], self._tickets[0])
            return
        try:
            async with asyncio.TaskGroup() as group:
                for choice, ticket in zip(self._planned, self._tickets, strict=True):
                    group.create_task(one(choice, ticket))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _wait(self, choice: Choice, ticket: Ticket) -> None:
        del choice
        async for _ in self._server.engine.generate(ticket):
            pass

    async def _write_choice(
        self, response: web.StreamResponse, choice: Choice, ticket: Ticket
    ) -> None:
        dialect = self._dialect
        events = [dialect.begin(choice)]
        position, length = 0, len(choice.output.pieces)
        async for due in self._server.engine.generate(ticket):
            for _ in range(min(due, length - position)):
                events.append(dialect.piece(choice, position))
                position += 1
                self._sent += 1
                if (self._resets or self._stalls) and self._sent >= self._half:
                    await response.write(b"".join(events))
                    events = []
                    await self._break()
            if events:
                await response.write(b"".join(events))
                events = []
        await response.write(b"".join([*events, dialect.end(choice)]))

    async def _break(self) -> None:
        """Reset the connection, or hold it until the stall is cleared."""
        if self._resets:
            await reset(self._request)
        while self._stalls and self._server.faults.since("stall") is not None:  # noqa: ASYNC110 - a fault also ends by the clock
            await asyncio.sleep(_STALL_LOOK)
        self._stalls = False


async def reset(request: web.Request) -> NoReturn:
    """Cut the connection with a TCP reset; the lost connection then cancels the handler."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nothing sets the event")
