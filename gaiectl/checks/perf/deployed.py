"""The metrics of model servers in a cluster: of all of them, by a port-forward for each reading."""

import asyncio
from collections.abc import Mapping

from gaiectl.checks.check import Failed
from gaiectl.checks.cluster import check as of_cluster
from gaiectl.checks.cluster.pools import endpoints
from gaiectl.checks.cluster.tunnel import ask
from gaiectl.checks.deployed.target import Deployed
from gaiectl.checks.perf.prefix_hits import Witness
from gaiectl.documents import Document
from gaiectl.errors import GaieError
from gaiectl.validation.fields import name_of

_MOST = 100
"""Model servers that are asked; of more the rest is taken to be like them."""


def witnesses(target: Deployed) -> Mapping[str, Witness]:
    """Return what reads the metrics of each model server, by its name."""
    pods = {name_of(pod): pod for pod in endpoints(target.scene)}
    return {
        one.name: _at(target, pods[one.name], int(one.host_port.rpartition(":")[2]))
        for one in target.endpoints[:_MOST]
        if one.name in pods
    }


def _at(target: Deployed, pod: Document, port: int) -> Witness:
    async def read() -> str:
        try:
            return (await asyncio.to_thread(ask, target.scene, pod, port, "/metrics")).body
        except (of_cluster.Failed, GaieError) as error:
            raise Failed(str(error)) from None

    return read
