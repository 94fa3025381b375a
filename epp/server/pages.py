"""What can be read on the metrics port."""

from collections.abc import Sequence

from aiohttp import web

from epp.metrics.exposition import expose
from epp.metrics.recorder import EppMetrics
from epp.server.http import Page


def pages(metrics: EppMetrics) -> Sequence[Page]:
    """Return every page."""

    async def show_metrics(request: web.Request) -> web.Response:
        del request
        body, content_type = expose(metrics)
        return web.Response(body=body, headers={"Content-Type": content_type})

    return (Page("GET", "/metrics", show_metrics),)
