"""Follows a pool, or pods by selector, with objectives and rewrites, and tells the pool."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from epp.api.discovery import EndpointSink, IntentSink
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.informer import Informer, Need, Scope, State, Timing
from epp.discovery.kubernetes.objects import (
    Objective,
    PoolSpec,
    Rewrite,
    priorities,
    read_objective,
    read_pool,
    read_rewrite,
    rules_in_order,
)
from epp.discovery.kubernetes.pods import Pod, endpoints, left_out, read_pod
from epp.discovery.kubernetes.resources import LLM_D_GROUP, OBJECTIVES, PODS, REWRITES, Resource
from epp.discovery.kubernetes.target import Target
from epp.metrics.recorder import EppMetrics

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.05
"""How long changes gather before the pool is told; the first after a pause is told at once."""

_MOST_SHOWN = 100
"""Pods that the debug page names with what keeps them out."""

_LARGEST_SHARE = 0.05
"""Of the time that telling the pool may take: with many pods changes gather for longer."""


class KubernetesDiscovery:
    """Keeps a pool and its intents as the cluster says, from ``start`` to ``stop``.

    What the cluster said last stays in use while it cannot be asked. Only a pool that was deleted
    empties the set of endpoints.

    Args:
        server: who is asked.
        target: what is served.
        sink: gets the endpoints.
        intents: gets priorities and rewrites.
        metrics: show when the endpoints were told last.
        synced: called with whether the pool is known, whenever that changes.
        ported: called with the pool's target ports, whenever these change.
        timing: how patient the watches are.
    """

    def __init__(
        self,
        server: ApiServer,
        target: Target,
        sink: EndpointSink,
        intents: IntentSink,
        metrics: EppMetrics,
        *,
        synced: Callable[[bool], None],
        ported: Callable[[Sequence[int]], None] = lambda _: None,
        timing: Timing = Timing(),  # noqa: B008 - immutable
    ) -> None:
        self._server = server
        self._target = target
        self._sink = sink
        self._intents = intents
        self._metrics = metrics
        self._synced = synced
        self._ported = ported
        self._timing = timing
        self._pool: Informer[PoolSpec] | None = None
        if target.pool is not None:
            scope = Scope(target.pool, target.namespace, target.name)
            self._pool = Informer(server, scope, read_pool, self._follow_pool, timing=timing)
        self._spec: PoolSpec | None = None
        self._pods: Informer[Pod] | None = None
        self._next_pods: Informer[Pod] | None = None
        self._objectives = self._intent_informers(OBJECTIVES, read_objective)
        self._rewrites = self._intent_informers(REWRITES, read_rewrite)
        self._is_synced = False
        self._said = ""
        self._due: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self._is_intent_news = True
        self._ending: set[asyncio.Task[None]] = set()
        self._is_running = False

    async def start(self) -> None:
        """Begin; does not wait for the cluster."""
        self._is_running = True
        if self._pool is not None:
            self._pool.start()
        else:
            self._use(self._target.fixed)
        for informer in (*self._objectives, *self._rewrites):
            informer.start()

    async def stop(self) -> None:
        """End; endpoints and intents stay as they are."""
        self._is_running = False
        if self._due is not None:
            self._due.cancel()
        followers: list[Informer[Any] | None] = [self._pool, self._pods, self._next_pods]
        for informer in (*followers, *self._objectives, *self._rewrites):
            if informer is not None:
                await informer.stop()
        if self._ending:
            await asyncio.wait(self._ending)

    def state(self) -> Mapping[str, object]:
        """Return what is followed, and which selected pods are no endpoints, for the debug page."""
        spec, pods = self._spec, self._pods.items.values() if self._pods else ()
        kept_out = dict(islice(left_out(pods, spec.ports), _MOST_SHOWN)) if spec else {}
        return {
            "following": self._named_target,
            "selector": spec.selector if spec else None,
            "targetPorts": list(spec.ports) if spec else [],
            "podsSelected": len(pods),
            "podsLeftOut": kept_out,
        }

    def _intent_informers(
        self, kinds: Sequence[Resource], read: Callable[[Mapping[str, Any]], Any]
    ) -> list[Informer[Any]]:
        # A cluster may lack llm-d's kinds, and a role made for GAIE's EPP does not name them.
        return [
            Informer(
                self._server,
                Scope(kind, self._target.namespace),
                read,
                self._note_intents,
                need=Need.MAY if self._pool is None or kind.group == LLM_D_GROUP else Need.SHOULD,
                timing=self._timing,
            )
            for kind in kinds
        ]

    def _follow_pool(self) -> None:
        assert self._pool is not None
        spec = self._pool.items.get(self._target.name)
        if spec is not None and not (spec.selector and spec.ports):
            # The CRD refuses such a pool; one without its validation lets it pass.
            lack = "no target port that can be used" if spec.selector else "no selector"
            self._say(f"{self._named_pool} has {lack}")
            if self._spec is not None:
                return
            spec = None
        self._use(spec)

    def _use(self, spec: PoolSpec | None) -> None:
        """Take what the pool says now; None when there is no pool."""
        before, self._spec = self._spec, spec
        if spec is not None and (before is None or spec.selector != before.selector):
            self._select(spec.selector)
        if spec is not None and (before is None or spec.ports != before.ports):
            self._ported(spec.ports)
        if spec is None:
            for informer in (self._pods, self._next_pods):
                self._end(informer)
            self._pods = self._next_pods = None
        self._note()

    def _select(self, selector: str) -> None:
        """Follow other pods; those known stay until the others are."""
        self._end(self._next_pods)
        self._next_pods = None
        if not selector:
            self._end(self._pods)
            self._pods = None
            return
        scope = Scope(PODS, self._target.namespace, labels=selector)
        self._next_pods = Informer(
            self._server, scope, read_pod, self._note_pods, timing=self._timing
        )
        self._next_pods.start()

    def _end(self, informer: Informer[Any] | None) -> None:
        if informer is not None:
            ending = asyncio.create_task(informer.stop())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    def _note_pods(self) -> None:
        upcoming = self._next_pods
        if upcoming is not None and upcoming.state is State.LISTED:
            self._end(self._pods)
            self._pods, self._next_pods = upcoming, None
        self._note()

    def _note_intents(self) -> None:
        self._is_intent_news = True
        self._note()

    def _note(self) -> None:
        """Tell what changed: at once after a pause, else with all that changes in a moment."""
        if self._due is None and self._is_running:
            wait = max(0.0, self._next_at - time.monotonic())
            self._due = asyncio.get_running_loop().call_later(wait, self._tell)

    def _tell(self) -> None:
        self._due = None
        began = time.monotonic()
        self._tell_all()
        now = time.monotonic()
        self._next_at = now + max(COALESCE_SECONDS, (now - began) / _LARGEST_SHARE)

    def _tell_all(self) -> None:
        if self._is_intent_news:
            self._is_intent_news = False
            self._tell_intents()
        if self._spec is None or self._pods is None:
            self._tell_absence()
            return
        if not self._is_synced and not self._is_ready_to_begin():
            return
        self._said = ""
        self._sink.replace(endpoints(self._pods.items.values(), self._spec.ports))
        self._metrics.discovery_succeeded(time.time())
        self._set_synced(is_synced=True)

    def _tell_intents(self) -> None:
        refs = self._target.refs
        known: dict[str, int] = {}
        for objectives in reversed(self._objectives):
            known |= priorities(objectives.items, refs)
        self._intents.set_priorities(known)
        self._intents.set_rewrites(
            [r for rewrites in self._rewrites for r in rules_in_order(rewrites.items, refs)]
        )

    def _is_ready_to_begin(self) -> bool:
        """Whether all was seen once that decides requests; what was refused keeps us waiting."""
        followers: list[Informer[Objective] | Informer[Rewrite]]
        followers = [*self._objectives, *self._rewrites]
        return all(f.is_settled and not f.is_refused for f in followers)

    def _tell_absence(self) -> None:
        """There is no pool, or nothing is known of it yet."""
        pool = self._pool
        if pool is None or pool.state is not State.LISTED:
            return
        if self._spec is not None:
            return  # its pods are not known yet
        if self._is_synced:
            self._sink.replace(())
            self._set_synced(is_synced=False)
        if self._target.name not in pool.items:
            self._say(f"there is no {self._named_pool}")

    @property
    def _named_pool(self) -> str:
        target = self._target
        return f"{target.pool} {target.namespace}/{target.name}"

    @property
    def _named_target(self) -> str:
        target = self._target
        return self._named_pool if target.pool else f"pods in namespace {target.namespace}"

    def _say(self, trouble: str) -> None:
        """Tell once what is wrong with the pool, and what that means."""
        if trouble != self._said:
            self._said = trouble
            is_served = self._spec is not None
            effect = "what it said before stays in use" if is_served else "nothing can be served"
            logger.warning("%s; %s until that is mended", trouble, effect)

    def _set_synced(self, *, is_synced: bool) -> None:
        if is_synced != self._is_synced:
            self._is_synced = is_synced
            if is_synced:
                logger.info(
                    "following %s in namespace %s", self._target.name, self._target.namespace
                )
            self._synced(is_synced)
