"""Messages over a real socket pair."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from epp.server.workers.channel import Channel, Message


class Ends:
    """Both ends; ``heard`` is what came out at the other one."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.is_lost = asyncio.Event()
        self.answered = asyncio.Event()
        self.fails: Callable[[Message], bool] = lambda _: False

    async def open(self) -> "Ends":
        ours, self.theirs = socket.socketpair()
        self.ours = await Channel.open(ours, lambda _: None, self.is_lost.set)
        return self

    async def listen(self) -> None:
        self.other = await Channel.open(self.theirs, self.take, lambda: None)

    def take(self, message: Message) -> None:
        if message == ("last",):
            self.answered.set()
        if self.fails(message):
            raise LookupError(message[0])
        self.heard.append(message)


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ends = await Ends().open()
    yield ends
    ends.ours.close()
    await asyncio.wait_for(ends.is_lost.wait(), 60)


async def test_small_and_big_messages_arrive_in_order(ends: Ends) -> None:
    sent: list[Message] = [(n, b"x" * (9_000_000 if n == 5 else n)) for n in range(10)]
    await ends.listen()
    for message in sent:
        ends.ours.send(*message)
        await asyncio.sleep(0)
    ends.ours.send("last")
    await asyncio.wait_for(ends.answered.wait(), 60)

    assert ends.heard == [*sent, ("last",)]


async def test_a_message_that_makes_trouble_does_not_end_the_others(ends: Ends) -> None:
    ends.fails = lambda message: message[0] == "bad"
    await ends.listen()
    for name in ("good", "bad", "better", "last"):
        ends.ours.send(name)
    await asyncio.wait_for(ends.answered.wait(), 60)

    assert ends.heard == [("good",), ("better",), ("last",)]
    assert not ends.is_lost.is_set()


async def test_an_end_that_does_not_read_is_noticed_until_it_does(ends: Ends) -> None:
    for _ in range(20):
        ends.ours.send(b"x" * 5_000_000)
        await asyncio.sleep(0)
    was_stuck = ends.ours.is_stuck
    ends.ours.send("last")
    await ends.listen()
    await asyncio.wait_for(ends.answered.wait(), 60)

    assert was_stuck
    assert not ends.ours.is_stuck
