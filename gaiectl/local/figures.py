"""How busy the model servers are, from their Prometheus metrics (names as in vLLM)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gaiectl.local import asking
from gaiectl.local.state import Endpoint

_SAMPLE = re.compile(rb"^vllm:([a-z_]+)(?:\{[^\n]*\})? ([^ \n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figures:
    """The load of one endpoint; None where it does not say.

    Attributes:
        name: of the endpoint.
        url: its root.
        is_reachable: it answered now.
        running: requests being worked on.
        waiting: requests in its queue.
        kv_usage: part of the KV cache in use, 0 to 1.
        hit_rate: part of the prompt tokens found in the prefix cache so far, 0 to 1.
        finished: requests served since its start.
    """

    name: str
    url: str
    is_reachable: bool
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    hit_rate: float | None = None
    finished: float | None = None


def read_all(endpoints: Iterable[Endpoint]) -> list[Figures]:
    """Ask every endpoint at once; those that do not answer have no figures."""
    wanted = list(endpoints)
    answers = asking.get_all([f"{e.url}/metrics" for e in wanted], timeout_seconds=1)
    return [
        from_metrics(endpoint, answer.content if answer and answer.is_success else None)
        for endpoint, answer in zip(wanted, answers, strict=True)
    ]


def from_metrics(endpoint: Endpoint, text: bytes | None) -> Figures:
    """Return the figures in a metrics text; samples of several models are added up."""
    if text is None:
        return Figures(endpoint.name, endpoint.url, is_reachable=False)
    sums: dict[str, float] = {}
    for name, value in _SAMPLE.findall(text):
        try:
            key = name.decode()
            sums[key] = sums.get(key, 0.0) + float(value)
        except ValueError:
            continue
    queries = sums.get("prefix_cache_queries_total")
    hits = sums.get("prefix_cache_hits_total")
    return Figures(
        endpoint.name,
        endpoint.url,
        is_reachable=True,
        running=sums.get("num_requests_running"),
        waiting=sums.get("num_requests_waiting"),
        kv_usage=sums.get("kv_cache_usage_perc"),
        hit_rate=hits / queries if queries and hits is not None else None,
        finished=sums.get("request_success_total"),
    )
