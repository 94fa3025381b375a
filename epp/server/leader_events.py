"""Events of Kubernetes that tell who leads, as client-go records them on the Lease.

They are for whoever looks with kubectl, and nothing depends on them: where they may not be created,
one line in the log says which rule would allow it.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Mapping
from typing import Any

from epp.discovery.kubernetes.client import ApiError, ApiServer
from epp.discovery.kubernetes.refusals import explain
from epp.discovery.kubernetes.resources import EVENTS, LEASES

log = logging.getLogger("leader-election")

_SECONDS = 2.0
_LONGEST_NAME = 200


def event_of(
    namespace: str, lease: str, identity: str, what: str, *, nanoseconds: int
) -> Mapping[str, Any]:
    """Return the event that something happened to a Lease.

    Args:
        namespace: of the Lease, and of the event.
        lease: name of the Lease.
        identity: of the process that speaks.
        what: ``became leader`` or ``stopped leading``.
        nanoseconds: when, since the epoch.
    """
    moment = dt.datetime.fromtimestamp(nanoseconds // 10**9, dt.UTC)
    at = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{lease[:_LONGEST_NAME].rstrip('.-')}.{nanoseconds:x}",
            "namespace": namespace,
        },
        "involvedObject": {
            "apiVersion": f"{LEASES.group}/{LEASES.version}",
            "kind": "Lease",
            "namespace": namespace,
            "name": lease,
        },
        "type": "Normal",
        "reason": "LeaderElection",
        "message": f"{identity} {what}",
        "source": {"component": identity},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


class LeaderEvents:
    """Records who leads, without anybody waiting for it.

    Args:
        server: where the events go.
        namespace: of the Lease.
        lease: its name.
        identity: who we are.
    """

    def __init__(self, server: ApiServer, namespace: str, lease: str, identity: str) -> None:
        self._server = server
        self._about = (namespace, lease, identity)
        self._recording: set[asyncio.Task[None]] = set()
        self._is_refused = False

    def record(self, what: str) -> None:
        """Record that this process ``became leader`` or ``stopped leading``, or try to."""
        task = asyncio.create_task(self._send(what))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def stop(self) -> None:
        """Wait for what is on its way; it takes some seconds at most."""
        if self._recording:
            await asyncio.wait(self._recording)

    async def _send(self, what: str) -> None:
        namespace = self._about[0]
        event = event_of(*self._about, what, nanoseconds=time.time_ns())
        try:
            async with asyncio.timeout(_SECONDS):
                await self._server.send("POST", EVENTS.path(namespace), event)
        except ApiError as error:
            if error.status == 403 and not self._is_refused:
                self._is_refused = True
                log.info(
                    "%s; without it no events tell who leads",
                    explain(error, EVENTS, namespace, "create"),
                )
            elif error.status != 403:
                log.debug("no event tells that this process %s: %s", what, error)
        except TimeoutError:
            log.debug("no event tells that this process %s: no answer", what)
