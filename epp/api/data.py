"""What producers find out about a request, for those who score, filter and admit.

Found data lives in the request's scratch memory under its kind, which is its class, and the name of
the producer that found it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from epp.api.endpoint import Endpoint
from epp.api.request import Request

_T = TypeVar("_T")
_AN_AGE = 1e9
"""Seconds; no time that is predicted or asked for is as long, and none that is no number."""


def publish(request: Request, producer: str, found: Any, shared: Any = None) -> None:
    """Hand out what the producer of this name has found; its class is the kind of data.

    Args:
        request: about which it was found.
        producer: name of the finder.
        found: what.
        shared: what those get who name no producer, if this is the first one; the same if None.
    """
    kind = type(found)
    request.scratch[kind, producer] = found
    request.scratch.setdefault((kind, ""), found if shared is None else shared)


def find(request: Request, kind: type[_T], producer: str = "") -> _T | None:
    """Return what was found of this kind; with no producer named, by the first one that did."""
    found: _T | None = request.scratch.get((kind, producer))
    return found


class PrefixMatch(NamedTuple):
    """How much of a prompt each endpoint should have in its cache.

    Attributes:
        blocks: leading blocks of the prompt held there, by endpoint slot; absent is 0. Fractions
            are possible where a cache's tiers count differently.
        total: blocks of the prompt.
        block_tokens: tokens in a block.
    """

    blocks: Mapping[int, float]
    total: int
    block_tokens: int


class Tokens(NamedTuple):
    """A prompt as token ids.

    Attributes:
        prompts: one sequence for each prompt of the request.
        is_exact: by the model's own tokenizer, not estimated.
    """

    prompts: Sequence[Sequence[int]]
    is_exact: bool = False

    @property
    def total(self) -> int:
        """Tokens of all prompts."""
        return sum(map(len, self.prompts))


class MultimodalItems(NamedTuple):
    """Images, sounds and videos of a prompt.

    Attributes:
        hashes: what identifies each.
        matched: how many of them each endpoint has seen, by slot; absent is 0.
    """

    hashes: Sequence[int]
    matched: Mapping[int, int]


class LatencyPrediction(NamedTuple):
    """Predicted times if the request went there, by endpoint slot; absent is unknown.

    Attributes:
        ttft: seconds to the first token.
        tpot: seconds per output token after it.
        ttft_slo: seconds asked for by the client; 0 for none.
        tpot_slo: seconds asked for by the client; 0 for none.
        tpot_limits: where requests that run already leave less than ``tpot_slo`` says, the seconds
            per output token that must not be exceeded.
        running: requests in flight; absent is 0.
        has_tpot: times per output token count at all; they do not while responses are not streamed.
    """

    ttft: Mapping[int, float]
    tpot: Mapping[int, float]
    ttft_slo: float = 0.0
    tpot_slo: float = 0.0
    tpot_limits: Mapping[int, float] = MappingProxyType({})
    running: Mapping[int, int] = MappingProxyType({})
    has_tpot: bool = True

    def headrooms(self, slot: int) -> tuple[float, float] | None:
        """Return how far below what is asked for the first token and the others are; or None.

        In seconds; below 0 it comes too late, as it always does where nothing is asked for: then
        the fastest has the most.
        """
        ttft, tpot = self.ttft.get(slot), self.tpot.get(slot)
        if ttft is None or tpot is None:
            return None
        first = self.ttft_slo - ttft
        limit = self.tpot_limits.get(slot, self.tpot_slo)
        others = limit - tpot if self.has_tpot else 0.0
        is_plausible = abs(first) < _AN_AGE and abs(others) < _AN_AGE
        return (first, others) if is_plausible else None


class InflightLoad(NamedTuple):
    """What is in flight at each endpoint when a request is scheduled, by slot; absent is 0.

    Attributes:
        requests: number of requests.
        tokens: number of tokens.
    """

    requests: Mapping[int, int]
    tokens: Mapping[int, int]


class PrefillTarget(NamedTuple):
    """Who prefills a request whose decode endpoint is still to be chosen.

    Attributes:
        endpoint: the first choice of the prefill profile.
    """

    endpoint: Endpoint


class SessionId(NamedTuple):
    """The conversation a request belongs to.

    Attributes:
        value: what the client calls it.
    """

    value: str


class EndpointAttributes(NamedTuple):
    """Numbers that are known of endpoints beside the usual metrics.

    Attributes:
        values: by attribute name, then by endpoint slot.
    """

    values: Mapping[str, Mapping[int, float]]
