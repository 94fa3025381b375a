"""Everything that is counted as Prometheus text.

Names, labels and buckets of the families of GAIE and llm-d-router are their own, for dashboards and
alerts depend on them.
"""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest

from epp.api.metrics import MetricFamily
from epp.metrics.extension_families import extension_families, own_families
from epp.metrics.flow_families import flow_families
from epp.metrics.plugin_families import plugin_families
from epp.metrics.pool_families import pool_families
from epp.metrics.recorder import EppMetrics
from epp.metrics.request_families import request_families
from epp.metrics.text import pieces


async def expose(metrics: EppMetrics) -> bytes:
    """Return the text of all families, and let others run while it is made."""
    for prepare in metrics.before_exposition:
        await prepare()
    text = []
    for family in families(metrics):
        for piece in pieces(family):
            text.append(piece.encode("utf-8", "replace"))
            await asyncio.sleep(0)
    text.append(_process())
    return b"".join(text)


def families(metrics: EppMetrics) -> Iterator[MetricFamily]:
    """Return every family but those of the process; their names are unique."""
    taken = set()
    for family in _built_in(metrics):
        taken.add(family.name)
        yield family
    yield from plugin_families((*metrics.instances, *metrics.parts), taken)


def _built_in(metrics: EppMetrics) -> Iterator[MetricFamily]:
    yield from request_families(metrics)
    yield from pool_families(metrics)
    yield from extension_families(metrics)
    yield from flow_families(metrics.flow, next(iter(metrics.pools), ""))
    yield from own_families(metrics)


def _process() -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return generate_latest(registry)
