"""All that an EPP has to do with Kubernetes, as one part for the composition root."""

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from epp.api.plugin import Instance
from epp.datalayer.pool import Pool
from epp.director.intent import Intents
from epp.discovery.kubernetes import credentials
from epp.discovery.kubernetes.client import ApiServer
from epp.discovery.kubernetes.credentials import NoCredentials
from epp.discovery.kubernetes.discovery import KubernetesDiscovery
from epp.discovery.kubernetes.figures import Figures
from epp.discovery.kubernetes.target import Target, choose_target
from epp.metrics.recorder import EppMetrics
from epp.server.errors import StartError
from epp.server.health import Health
from epp.server.http import Guard, closed, open_to_all
from epp.server.leader import LeaderElection, Terms, lease_name
from epp.server.metrics_auth import MetricsAuth
from epp.server.options import Options


def target_from(options: Options, environment: Mapping[str, str] = os.environ) -> Target:
    """Return what the flags say is to be served.

    Raises:
        StartError: they do not say it, or not well.
    """
    try:
        return choose_target(
            pool_name=options.pool_name,
            pool_namespace=options.pool_namespace,
            pool_group=options.pool_group,
            selector=options.endpoint_selector,
            ports=options.endpoint_target_ports,
            environment=environment,
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def kubernetes_for(
    options: Options,
    target: Target | None,
    *,
    pool: Pool,
    intents: Intents,
    metrics: EppMetrics,
    health: Health,
    ported: Callable[[Sequence[int]], Awaitable[None]],
) -> "Kubernetes | None":
    """Return the part that asks Kubernetes; None when nothing needs it.

    Endpoints that come from a file need it only for readers of the metrics, and these only if there
    is a cluster.

    Raises:
        StartError: leader election is wanted, but not with what.
    """
    if target is None:
        if options.ha_enable_leader_election:
            raise StartError("--ha-enable-leader-election needs --pool-name or --endpoint-selector")
        is_there = options.kubeconfig or os.environ.get("KUBERNETES_SERVICE_HOST")
        if not (options.metrics_endpoint_auth and is_there):
            return None
    return Kubernetes(
        options,
        target,
        pool=pool,
        intents=intents,
        metrics=metrics,
        health=health,
        ported=ported,
    )


def guard_for(kubernetes: "Kubernetes | None", *, requires_auth: bool) -> Guard:
    """Return who decides over readers of metrics and debug pages."""
    if not requires_auth:
        return open_to_all
    if kubernetes is None or kubernetes.metrics_auth is None:
        return closed
    return kubernetes.metrics_auth.guard


def _terms(options: Options) -> Terms:
    """Return how the Lease is held.

    Raises:
        StartError: its times do not go together.
    """
    terms = Terms(options.ha_lease_duration, options.ha_renew_deadline, options.ha_retry_period)
    if objection := terms.objection():
        raise StartError(objection)
    return terms


class Kubernetes:
    """The connection to the cluster, and what depends on it.

    Args:
        options: the flags.
        target: what is served; None when endpoints come from elsewhere, and only readers of the
            metrics are looked up.
        pool: gets the endpoints.
        intents: gets priorities and rewrites.
        metrics: show how it stands.
        health: learns whether the pool is known and who leads.
        ported: awaited with the target ports whenever they change.

    Attributes:
        instances: what shows how it stands, as plugins do.
        server: the API server.
        namespace: of what is served; empty when endpoints come from elsewhere.
    """

    def __init__(
        self,
        options: Options,
        target: Target | None,
        *,
        pool: Pool,
        intents: Intents,
        metrics: EppMetrics,
        health: Health,
        ported: Callable[[Sequence[int]], Awaitable[None]],
    ) -> None:
        figures = Figures()
        self.instances = [Instance("kubernetes", "kubernetes", figures)]
        self.server = ApiServer(partial(credentials.load, options.kubeconfig), figures)
        self.namespace = target.namespace if target else ""
        self.metrics_auth = MetricsAuth(self.server) if options.metrics_endpoint_auth else None
        self._pool = pool
        self._health = health
        self._ported = ported
        self._porting: set[asyncio.Future[None]] = set()
        self._discovery: KubernetesDiscovery | None = None
        self._election: LeaderElection | None = None
        if target is None:
            return
        self._discovery = KubernetesDiscovery(
            self.server, target, pool, intents, metrics, synced=self._sync, ported=self._port
        )
        self.instances.append(Instance("discovery", "discovery", self._discovery))
        if options.ha_enable_leader_election:
            host = f"{socket.gethostname()}_"
            self._election = LeaderElection(
                self.server,
                target.namespace,
                lease_name(
                    target.namespace, target.name, is_llm_d=options.compat.startswith("llm-d")
                ),
                identity=f"{host}{uuid.uuid4()}",
                leading=lambda is_met: health.meet("leading", is_met=is_met),
                terms=_terms(options),
                # A container that crashed is started again in its pod, which nobody else is named
                # like; pods in the network of their node share its name instead.
                ancestors=host if host == f"{os.environ.get('POD_NAME')}_" else "",
            )

    async def start(self) -> None:
        """Begin; does not wait for the cluster.

        Raises:
            StartError: nothing says which cluster.
        """
        try:
            await self.server.start()
        except NoCredentials as error:
            raise StartError(str(error)) from error
        for part in (self._discovery, self._election):
            if part is not None:
                await part.start()

    async def drain(self, seconds: float, *, patience: float = 0.0) -> None:
        """Let another replica lead.

        Args:
            seconds: it takes no longer, once another replica leads.
            patience: how long to wait for one that is still to come.
        """
        if self._election is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds + patience):
                    await self._election.release(patience)

    async def stop(self) -> None:
        """End everything."""
        for part in (self._election, self._discovery, self.server):
            if part is not None:
                await part.stop()

    def _port(self, ports: Sequence[int]) -> None:
        porting = asyncio.ensure_future(self._ported(ports))
        self._porting.add(porting)
        porting.add_done_callback(self._porting.discard)

    def _sync(self, is_synced: bool) -> None:  # noqa: FBT001 - a callback
        self._pool.is_synced = is_synced
        self._health.meet("synced", is_met=is_synced)
