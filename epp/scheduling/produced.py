"""What producers have found out about a request, in a form that may be shown.

Prompts, their tokens and what a client calls its session stay out: only their sizes are shown. A
kind that is not known here is named without its content.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from epp.api import data
from epp.api.request import Request


class Produced(NamedTuple):
    """One finding.

    Attributes:
        producer: who found it.
        kind: class of the data, as in ``epp.api.data``.
        data: JSON values.
    """

    producer: str
    kind: str
    data: Mapping[str, Any]


def produced_for(request: Request, endpoints: Mapping[int, str]) -> Iterator[Produced]:
    """Return everything that was published for the request.

    Args:
        request: after its producers have run.
        endpoints: names by slot; what was found of others is left out.
    """
    for key, found in request.scratch.items():
        match key:
            case (type() as kind, str() as producer) if producer and isinstance(found, kind):
                shown = _SHOWN.get(kind)
                yield Produced(producer, kind.__name__, shown(found, endpoints) if shown else {})


_Endpoints = Mapping[int, str]


def _named(by_slot: Mapping[int, float], endpoints: _Endpoints) -> dict[str, float]:
    return {endpoints[slot]: value for slot, value in by_slot.items() if slot in endpoints}


def _prefix_match(found: data.PrefixMatch, endpoints: _Endpoints) -> dict[str, Any]:
    return {
        "totalBlocks": found.total,
        "blockTokens": found.block_tokens,
        "matchedBlocks": _named(found.blocks, endpoints),
    }


def _tokens(found: data.Tokens, endpoints: _Endpoints) -> dict[str, Any]:
    del endpoints
    return {"prompts": len(found.prompts), "tokens": found.total, "isExact": found.is_exact}


def _multimodal(found: data.MultimodalItems, endpoints: _Endpoints) -> dict[str, Any]:
    return {"items": len(found.hashes), "matchedItems": _named(found.matched, endpoints)}


def _latency(found: data.LatencyPrediction, endpoints: _Endpoints) -> dict[str, Any]:
    return {
        "ttftSeconds": _named(found.ttft, endpoints),
        "tpotSeconds": _named(found.tpot, endpoints),
        "ttftSloSeconds": found.ttft_slo,
        "tpotSloSeconds": found.tpot_slo,
    }


def _inflight(found: data.InflightLoad, endpoints: _Endpoints) -> dict[str, Any]:
    return {
        "requests": _named(found.requests, endpoints),
        "tokens": _named(found.tokens, endpoints),
    }


def _attributes(found: data.EndpointAttributes, endpoints: _Endpoints) -> dict[str, Any]:
    return {name: _named(by_slot, endpoints) for name, by_slot in found.values.items()}


_SHOWN: Mapping[type, Callable[[Any, _Endpoints], Mapping[str, Any]]] = {
    data.PrefixMatch: _prefix_match,
    data.Tokens: _tokens,
    data.MultimodalItems: _multimodal,
    data.LatencyPrediction: _latency,
    data.InflightLoad: _inflight,
    data.EndpointAttributes: _attributes,
}
