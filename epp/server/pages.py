"""What can be read on the metrics port."""

from collections.abc import Sequence

from aiohttp import web

from epp.metrics.exposition import expose
from epp.metrics.recorder import EppMetrics
from epp.metrics.text import CONTENT_TYPE
from epp.server.http import Page


def pages(metrics: EppMetrics) -> Sequence[Page]:
    """Return every page."""

    async def show_metrics(request: web.Request) -> web.Response:
        del request
        return web.Response(body=await expose(metrics), headers={"Content-Type": CONTENT_TYPE})

    return (Page("GET", "/metrics", show_metrics),)
