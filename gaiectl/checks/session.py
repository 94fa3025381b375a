"""What a check gets to work with: a client, and a way to break things that mends them again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from gaiectl.checks.check import Skipped
from gaiectl.checks.gateway import Gateway
from gaiectl.checks.target import Endpoint, Target

_PAUSE_SECONDS = 0.2
_PRECISE = frozenset({"precise-prefix-cache-producer", "precise-prefix-cache-scorer"})
"""Plugin types that go by events of KV caches; the second scores, too (llm-d's first releases)."""
_EVENT_SECONDS = 0.2
"""Servers send events once a step; before they came, a prompt that was answered is not known."""


@dataclass(frozen=True, slots=True)
class Session:
    """One run of checks.

    Attributes:
        target: the gateway and what stands behind it.
        gateway: a client of it.
    """

    target: Target
    gateway: Gateway

    async def metrics(self) -> str:
        """Return the endpoint picker's metrics.

        Raises:
            Skipped: nobody knows where they are.
            Failed: they are not there.
        """
        target = self.target
        if not target.metrics_url:
            unknown = "it is not known where the endpoint picker's metrics are"
            raise Skipped(target.metrics_hidden or unknown)
        answer = await self.gateway.get("", root=target.metrics_url, headers=target.metrics_headers)
        return answer.require().text

    def several_endpoints(self) -> int:
        """Return how many endpoints requests are sent to.

        Raises:
            Skipped: fewer than two, so that there is no choice to look at.
        """
        endpoints = self.target.endpoints
        count = sum(endpoint.is_chosen for endpoint in endpoints)
        if count < 2:
            others = len(endpoints) - count
            told = f", and {others} that only work for others" if others else ""
            raise Skipped(f"it takes two endpoints, the pool has {count}{told}")
        return count

    def needs_plugin(self, *any_of: str, without: tuple[str, ...] = ()) -> None:
        """Make sure that the endpoint picker was told to do what the check is about.

        Raises:
            Skipped: its configuration has no plugin of these types, or one ``without`` which it
                must be.
        """
        plugins = self.target.plugins
        if plugins is None:
            return
        if plugins.isdisjoint(any_of):
            raise Skipped(f"the endpoint picker's configuration has no {any_of[0]}")
        if against := plugins & set(without):
            raise Skipped(f"the endpoint picker draws by chance: {', '.join(sorted(against))}")

    def needs_precise_scoring(self) -> None:
        """Make sure that the endpoint picker goes by what servers tell of their KV caches.

        Raises:
            Skipped: its configuration does without.
        """
        self.needs_plugin(*sorted(_PRECISE))

    @property
    def may_score_precisely(self) -> bool:
        """Whether the endpoint picker goes by events of KV caches, as far as is known."""
        plugins = self.target.plugins
        return plugins is None or bool(plugins & _PRECISE)

    async def events_heard(self) -> None:
        """Wait until the endpoint picker was told what the last answer left in a KV cache."""
        if self.may_score_precisely:
            await asyncio.sleep(_EVENT_SECONDS)

    def killable(self) -> list[Endpoint]:
        """Return the endpoints that may be killed.

        Raises:
            Skipped: there are some that may not.
        """
        if self.target.unkillable:
            raise Skipped(self.target.unkillable)
        endpoints = list(self.target.endpoints)
        foreign = [endpoint.name for endpoint in endpoints if not endpoint.is_killable]
        if foreign or not endpoints:
            raise Skipped("the model servers are not ours to kill")
        return endpoints

    @contextlib.asynccontextmanager
    async def mending(self) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
        """Yield a function that kills an endpoint; in the end all killed ones are started again.

        Who interrupts us does not wait for those that come back by themselves.
        """
        broken: list[str] = []

        async def kill(endpoint: str) -> None:
            broken.append(endpoint)
            await asyncio.to_thread(self.target.kill, endpoint)

        try:
            yield kill
        except asyncio.CancelledError:
            if self.target.heals_itself:
                broken.clear()
            raise
        finally:
            async with contextlib.AsyncExitStack() as all_of_them:
                for endpoint in broken:
                    all_of_them.push_async_callback(asyncio.to_thread, self.target.start, endpoint)

    @contextlib.asynccontextmanager
    async def emptied(self) -> AsyncIterator[None]:
        """Kill all endpoints, and those that come back, as long as this lasts.

        Raises:
            Skipped: they may not be killed.
        """
        endpoints = self.killable()

        async def hold_down() -> None:
            while True:
                await asyncio.to_thread(self.target.hold_down)
                await asyncio.sleep(_PAUSE_SECONDS)

        async with self.mending() as kill:
            await asyncio.to_thread(self.target.hold_down)
            for endpoint in endpoints:
                await kill(endpoint.name)
            async with asyncio.TaskGroup() as group:
                holding = group.create_task(hold_down())
                yield
                holding.cancel()
