"""Extractors hear of endpoints, and of the objects of a kind, from a real API server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from epp.api.discovery import EndpointSpec
from epp.api.plugin import Instance
from epp.config.data_layer import Feed
from epp.datalayer.pool import Pool
from epp.discovery.kubernetes import credentials
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.figures import Figures
from epp.plugins.sources.endpoint_notification import EndpointNotificationSource
from epp.plugins.sources.k8s_notification import K8sNotificationSource
from epp.server.notifications import Notifications

Listen = Callable[..., Any]


class Ear:
    """An extractor that remembers what it hears."""

    reads: ClassVar[frozenset[str]] = frozenset({"objects", "endpoints"})

    def __init__(self) -> None:
        self.items: Mapping[str, Any] = {}
        self._news = asyncio.Event()

    def heard(self, items: Mapping[str, Any]) -> None:
        self.items = dict(items)
        self._news.set()

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(30):
            while set(self.items) != set(names):
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def listen(kubeconfig: Callable[[str], Path]) -> AsyncIterator[Listen]:
    """Start notifications of one source; returns who listens."""
    server = ApiServer(partial(credentials.load, str(kubeconfig(""))), Figures())
    await server.start()
    started: list[Notifications] = []

    async def begin(source: Any, pool: Pool, namespace: str = "") -> Ear:
        ear = Ear()
        feed = Feed(Instance("source", "source", source), (Instance("ear", "ear", ear),))
        started.append(Notifications((feed,), pool, server, namespace))
        await started[-1].start()
        return ear

    yield begin
    for each in started:
        await each.stop()
    await server.stop()


async def test_objects_of_a_kind_are_heard_of_as_they_come(space: Any, listen: Listen) -> None:
    group = "inference.networking.x-k8s.io"
    source = K8sNotificationSource(group=group, version="v1alpha2", kind="InferenceObjective")
    ear = await listen(source, Pool(), space.name)

    space.objective("gold", 3)
    await ear.until("gold")
    assert ear.items["gold"]["spec"]["priority"] == 3

    space.objective("silver", 2)
    await ear.until("gold", "silver")


async def test_endpoints_are_heard_of_as_they_come_and_go(listen: Listen) -> None:
    pool = Pool()
    ear = await listen(EndpointNotificationSource(), pool)

    pool.replace([EndpointSpec("a", "default", "10.0.0.1", 8000)])
    await ear.until("default/a")
    assert ear.items["default/a"].host_port == "10.0.0.1:8000"

    pool.replace([])
    await ear.until()
