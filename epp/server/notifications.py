"""Tells extractors of what changes: endpoints, and Kubernetes objects of one kind."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from epp.config.data_layer import Feed
from epp.datalayer.pool import Pool
from epp.datalayer.sources import EventExtractor, EventSource
from epp.discovery.kubernetes.client import ApiError, ApiServer
from epp.discovery.kubernetes.informer import Informer, Need, Scope
from epp.discovery.kubernetes.resources import Resource

log = logging.getLogger("setup")

_ASK_AGAIN_SECONDS = 10.0


class Notifications:
    """What the notification sources of a configuration hear.

    Args:
        feeds: sources, and who reads what they bring.
        pool: whose endpoints are told of.
        server: where objects are watched; None without Kubernetes, where nothing of them is heard.
        namespace: of the objects.
    """

    def __init__(
        self, feeds: Sequence[Feed], pool: Pool, server: ApiServer | None, namespace: str
    ) -> None:
        self._feeds = feeds
        self._pool = pool
        self._server = server
        self._namespace = namespace
        self._undo: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._informers: list[Informer[Mapping[str, Any]]] = []

    async def start(self) -> None:
        """Begin; does not wait for the cluster."""
        for feed in self._feeds:
            assert isinstance(feed.source.plugin, EventSource)
            kind = feed.source.plugin.objects()
            if kind is None:
                tell = partial(self._tell_endpoints, feed)
                self._undo.append(self._pool.on_change(tell))
                tell()
            elif self._server is None:
                log.warning(
                    "%s hears nothing: this EPP does not follow Kubernetes", feed.source.name
                )
            else:
                self._tasks.append(asyncio.create_task(self._follow(feed, self._server, *kind)))

    async def stop(self) -> None:
        """End everything."""
        for undo in self._undo:
            undo()
        for task in self._tasks:
            task.cancel()
        for informer in self._informers:
            await informer.stop()

    def _tell_endpoints(self, feed: Feed) -> None:
        endpoints = [candidate.endpoint for candidate in self._pool.snapshot()]
        _tell(feed, {f"{e.namespace}/{e.name}": e for e in endpoints})

    async def _follow(
        self, feed: Feed, server: ApiServer, group: str, version: str, kind: str
    ) -> None:
        resource = await _resource(server, group, version, kind)
        informer: Informer[Mapping[str, Any]] = Informer(
            server,
            Scope(resource, self._namespace),
            lambda found: found,
            lambda: _tell(feed, informer.items),
            need=Need.MAY,
        )
        self._informers.append(informer)
        informer.start()


async def _resource(server: ApiServer, group: str, version: str, kind: str) -> Resource:
    """Return what a kind is called in paths, as soon as the server knows it."""
    path = Resource(group, version, "").api_path
    has_complained = False
    while True:
        try:
            known = (await server.get(path)).get("resources") or ()
        except ApiError as error:
            known, reason = (), str(error)
        else:
            reason = f"{path} has no kind {kind}"
        for entry in known:
            if entry.get("kind") == kind and "/" not in entry.get("name", "/"):
                return Resource(group, version, entry["name"])
        if not has_complained:
            has_complained = True
            log.warning("nothing is heard of %s yet: %s", kind, reason)
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def _tell(feed: Feed, items: Mapping[str, Any]) -> None:
    for extractor in feed.extractors:
        if isinstance(extractor.plugin, EventExtractor):
            try:
                extractor.plugin.heard(items)
            except Exception:
                log.exception("%s failed to read what %s brings", extractor.name, feed.source.name)
