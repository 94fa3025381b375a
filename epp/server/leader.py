"""Leader election by a Lease, with the record and the timing of client-go.

Any number of pickers may be active; the leader is the one that clients are sent to, so that its
prefix index and its accounts know all requests. So two leaders for a moment cost little, and none
costs everything. That is why a leader that cannot renew its Lease, because the API server is away,
goes on until it sees that another one holds it (the Go EPP ends its process instead). Then it steps
down and stays, with warm stores, as a standby.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from epp.discovery.kubernetes.client import ApiError, ApiServer
from epp.discovery.kubernetes.informer import Informer, Need, Scope
from epp.discovery.kubernetes.refusals import explain
from epp.discovery.kubernetes.resources import LEASES
from epp.server.leader_events import LeaderEvents

log = logging.getLogger("leader-election")

SUFFIX = "gateway-api-inference-extension.sigs.k8s.io"
LLM_D_SUFFIX = "llm-d.ai"
_JITTER = 1.2
_VERBS = ("get", "create", "update", "list", "watch")
_NOT_FOUND, _CONFLICT = 404, 409


class Terms(NamedTuple):
    """How a Lease is held, in seconds.

    Attributes:
        lease: how long a holder that is not heard of counts as one.
        renew: how long a leader may fail to renew it before that is said; client-go's leaders stop
            then.
        retry: between two attempts to get or renew it.
        handover: from a successor's success until all know of it: the charts probe its readiness
            every 2 seconds.
    """

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0
    handover: float = 3.0

    def objection(self) -> str:
        """Return what is wrong with the times, by client-go's rules; empty if nothing is."""
        if self.lease < 1:
            return "--ha-lease-duration must be 1s or more: a Lease counts whole seconds"
        if self.lease <= self.renew:
            return (
                f"--ha-lease-duration ({self.lease:g}s) must be longer than --ha-renew-deadline "
                f"({self.renew:g}s)"
            )
        if self.retry <= 0:
            return "--ha-retry-period must be above 0"
        if self.renew <= self.retry * _JITTER:
            return (
                f"--ha-renew-deadline ({self.renew:g}s) must be longer than {_JITTER:g} times "
                f"--ha-retry-period ({self.retry:g}s), for attempts are spread so far"
            )
        return ""


class Record(NamedTuple):
    """What a Lease says.

    Attributes:
        holder: identity of the leader; empty when it was released.
        renewed: text of the last renewal; it only matters whether it changed.
        seconds: how long the holder wants to be waited for.
        transitions: how often the holder changed.
        acquired: text of the time since when it holds it.
    """

    holder: str
    renewed: str
    seconds: float
    transitions: int
    acquired: str


def lease_name(namespace: str, pool: str, *, is_llm_d: bool = False) -> str:
    """Return the name of the Lease: GAIE's, or that of llm-d-router from 0.9 on."""
    return f"epp-{namespace}-{pool}.{LLM_D_SUFFIX if is_llm_d else SUFFIX}"


def read_lease(lease: Mapping[str, Any]) -> Record:
    """Read a Lease; what is missing counts as nothing."""
    spec = lease.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    return Record(
        str(spec.get("holderIdentity") or ""),
        str(spec.get("renewTime") or ""),
        seconds if isinstance(seconds, int) else 0,
        transitions if isinstance(transitions, int) else 0,
        str(spec.get("acquireTime") or ""),
    )


class LeaderElection:
    """Tries to hold a Lease from ``start`` to ``stop``.

    Args:
        server: where the Lease is.
        namespace: of the Lease.
        name: of the Lease.
        identity: who we are; no two processes may be the same.
        leading: called with whether we lead, whenever that changes.
        terms: how the Lease is held.
        ancestors: how the identities begin of those in whose place we were started, so that they
            are dead for certain; empty when nobody is.
    """

    def __init__(
        self,
        server: ApiServer,
        namespace: str,
        name: str,
        *,
        identity: str,
        leading: Callable[[bool], None],
        terms: Terms = Terms(),  # noqa: B008 - immutable
        ancestors: str = "",
    ) -> None:
        self._server = server
        self._namespace = namespace
        self._name = name
        self._ancestors = ancestors
        self._identity = identity
        self._leading = leading
        self._terms = terms
        self._is_leading = False
        self._seen: Record | None = None
        self._seen_at = 0.0
        self._said = ""
        self._task: asyncio.Task[None] | None = None
        self._is_ending = False
        self._news = asyncio.Event()
        # A standby that watches takes over at once when the leader lets go.
        self._watch: Informer[Record] = Informer(
            server,
            Scope(LEASES, namespace, name),
            read_lease,
            self._news.set,
            need=Need.MAY,
        )
        self._events = LeaderEvents(server, namespace, name, identity)
        server.figures.leases[name] = False

    @property
    def is_leading(self) -> bool:
        """Whether this process leads."""
        return self._is_leading

    async def start(self) -> None:
        """Begin; does not wait for the Lease."""
        self._watch.start()
        self._is_ending = False
        self._task = asyncio.create_task(self._run())

    async def release(self, patience: float = 0.0) -> None:
        """Let go, so that another one leads at once; to be called before ``stop``.

        Whoever sends requests here learns of the new leader only when that one's readiness was
        probed. So this one counts as the leader until then, if there is another one. With patience
        it does so for a third of it at least, and until that one has not let go in the meantime: a
        standby of the same revision may end as well. What comes later would have too little time to
        leave, for the charts have clients keep a connection for that third.

        Args:
            patience: seconds to wait for another one that has yet to start.
        """
        await self._end()
        if not self._is_leading or self._seen is None:
            return
        released = Record("", _now(), 1, self._seen.transitions, _now())
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(self._terms.retry, patience)):
                lease = await self._server.get(self._path)
                if read_lease(lease).holder == self._identity:
                    await self._write(lease, released)
                await self._succession()
            await asyncio.sleep(self._terms.handover)
            async with asyncio.timeout_at(began + patience):
                await asyncio.sleep(began + patience / 3 - asyncio.get_running_loop().time())
                await self._succession()
        except (ApiError, TimeoutError) as error:
            if isinstance(error, ApiError):
                log.warning("cannot release the Lease %s: %s", self._name, error)
        self._lead(is_leading=False)

    async def _succession(self) -> None:
        """Wait until another one holds the Lease."""
        while True:
            self._news.clear()
            record = self._watch.items.get(self._name)
            if record is not None and record.holder not in ("", self._identity):
                return
            await self._news.wait()

    async def stop(self) -> None:
        """End; a Lease that is held runs out."""
        await self._end()
        await self._watch.stop()
        await self._events.stop()

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        self._is_ending = True
        self._news.set()
        # An attempt under way is not cut off: the Lease could be ours, and nobody would know.
        await asyncio.wait([task], timeout=self._terms.retry)
        task.cancel()
        await asyncio.wait([task])

    @property
    def _path(self) -> str:
        return LEASES.path(self._namespace, self._name)

    async def _run(self) -> None:
        while not self._is_ending:
            try:
                await self._try()
                if self._said:
                    self._said = ""
                    log.info("the Lease %s can be used again", self._name)
            except ApiError as error:
                if error.status not in (0, _CONFLICT):
                    self._complain(error)
                elif self._is_leading:
                    self._note_overdue(error)
            except Exception:
                log.exception("cannot deal with the Lease %s", self._name)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next attempt, or until a standby hears of a Lease that is free."""
        deadline = time.monotonic() + self._terms.retry * random.uniform(1.0, _JITTER)
        while not self._is_ending and (left := deadline - time.monotonic()) > 0:
            self._news.clear()
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return
            record = self._watch.items.get(self._name)
            if not self._is_leading and (record is None or not record.holder):
                # Not all standbys at the same instant.
                await asyncio.sleep(random.uniform(0.0, 0.05))
                return

    async def _try(self) -> None:
        try:
            lease = await self._server.get(self._path)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            await self._create()
            return
        record = read_lease(lease)
        if self._seen is None or record != self._seen:
            self._seen, self._seen_at = record, time.monotonic()
        if record.holder == self._identity:
            await self._take(lease, record._replace(renewed=_now(), seconds=self._terms.lease))
            return
        self._lead(is_leading=False)
        is_dead = self._ancestors and record.holder.startswith(self._ancestors)
        lasts_until = self._seen_at + max(record.seconds, self._terms.lease)
        is_held = record.holder and not is_dead and time.monotonic() < lasts_until
        if is_held or self._is_ending:
            return
        now = _now()
        await self._take(
            lease, Record(self._identity, now, self._terms.lease, record.transitions + 1, now)
        )

    async def _create(self) -> None:
        now = _now()
        record = Record(self._identity, now, self._terms.lease, 0, now)
        fresh = {
            "apiVersion": f"{LEASES.group}/{LEASES.version}",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": _spec(record),
        }
        await self._server.send("POST", LEASES.path(self._namespace), fresh)
        self._hold(record)

    async def _take(self, lease: Mapping[str, Any], record: Record) -> None:
        await self._write(lease, record)
        self._hold(record)

    async def _write(self, lease: Mapping[str, Any], record: Record) -> None:
        spec = lease.get("spec")
        changed = {**(spec if isinstance(spec, dict) else {}), **_spec(record)}
        # It carries the version that was read: if another one was faster, this is a conflict.
        await self._server.send("PUT", self._path, {**lease, "spec": changed})

    def _hold(self, record: Record) -> None:
        self._seen, self._seen_at = record, time.monotonic()
        self._lead(is_leading=True)

    def _lead(self, *, is_leading: bool) -> None:
        if is_leading == self._is_leading:
            return
        self._is_leading = is_leading
        self._server.figures.leases[self._name] = is_leading
        if is_leading:
            log.info("became the leader", extra={"fields": {"lease": self._name}})
        else:
            log.info("is the leader no more", extra={"fields": {"lease": self._name}})
        self._leading(is_leading)
        self._events.record("became leader" if is_leading else "stopped leading")

    def _note_overdue(self, error: ApiError) -> None:
        seconds = time.monotonic() - self._seen_at
        if seconds > self._terms.renew and not self._said:
            self._said = "overdue"
            log.warning(
                "the Lease %s could not be renewed for %.0f s (%s); this process goes on as the "
                "leader until it sees another one",
                self._name,
                seconds,
                error,
            )

    def _complain(self, error: ApiError) -> None:
        said = explain(error, LEASES, self._namespace, *_VERBS)
        if said != self._said:
            self._said = said
            log.error("%s; without it this process never becomes the leader", said)


def _now() -> str:
    """Return the time as Kubernetes' MicroTime."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _spec(record: Record) -> dict[str, Any]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": max(1, round(record.seconds)),
        "acquireTime": record.acquired or _now(),
        "renewTime": record.renewed,
        "leaseTransitions": record.transitions,
    }
