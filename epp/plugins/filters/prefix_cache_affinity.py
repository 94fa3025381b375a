"""prefix-cache-affinity-filter: stay where most of the prompt is cached, unless that is too slow.

What:
    Narrows the choice to the endpoints that should have most of the prompt in their cache.

Formula:
    Kept are the candidates whose share of matching blocks is affinityThreshold or more. All are
    kept if there are none, if there is one candidate only, with explorationProbability, or if the
    best predicted time to first token of those kept is worse than that of the others by more than
    maxTTFTPenaltyMs.

Reads:
    Prefix match of a producer; predicted times to first token, where something predicts them, or
    tokens in flight.

Parameters:
    affinityThreshold: share of matching blocks; 0 keeps everybody.
    explorationProbability: probability to keep everybody, so that others fill their caches too.
    maxTTFTPenaltyMs: milliseconds that staying may cost; 0 stays at any cost.
    ttftSource: latencyPredictor, or prefillThroughput: tokens in flight / peakPrefillThroughput.
    peakPrefillThroughput: tokens a second that an endpoint can prefill.
    prefixMatchInfoProducerName: whose prefix match to read; by default any producer's.
    latencyPredictionInfoProducerName: whose predictions; by default any producer's.
    inFlightLoadProducerName: whose count of tokens in flight; by default any producer's.

When to use:
    Before load scorers and weighted-random-picker: requests with equal beginnings are spread over
    those that have it cached. Needs a producer of prefix matches, such as
    approx-prefix-cache-producer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from epp.api.data import InflightLoad, LatencyPrediction, PrefixMatch, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request
from epp.scheduling.chance import chance
from epp.scheduling.figures import tokens_in_flight

_SALT = 2


@filter_("prefix-cache-affinity-filter")
@dataclass(frozen=True, slots=True)
class PrefixCacheAffinityFilter:
    """Keeps those that have the prompt cached."""

    affinity_threshold: Annotated[
        float, Param("Share of matching blocks to be kept; 0 keeps everybody.", maximum=1)
    ] = 0.80
    exploration_probability: Annotated[
        float, Param("Probability to keep everybody.", minimum=0, maximum=1)
    ] = 0.01
    max_ttft_penalty_ms: Annotated[
        float,
        Param("Milliseconds that staying may cost; 0 is any.", minimum=0, name="maxTTFTPenaltyMs"),
    ] = 5000.0
    ttft_source: Annotated[
        Literal["latencyPredictor", "prefillThroughput"],
        Param("Where times to first token come from.", name="ttftSource"),
    ] = "latencyPredictor"
    peak_prefill_throughput: Annotated[
        float, Param("Tokens a second that an endpoint can prefill.", above=0)
    ] = 15928.0
    prefix_match_info_producer_name: Annotated[
        str, Param("Producer whose prefix match is read; by default any.")
    ] = ""
    latency_prediction_info_producer_name: Annotated[
        str, Param("Producer whose predictions are read; by default any.")
    ] = ""
    in_flight_load_producer_name: Annotated[
        str, Param("Producer of the count of tokens; by default any.")
    ] = ""

    @property
    def consumes(self) -> frozenset[type]:
        """What it reads, so that somebody finds it out."""
        is_predicted = self.ttft_source == "latencyPredictor"
        return frozenset({PrefixMatch, LatencyPrediction if is_predicted else InflightLoad})

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return those that have the prompt cached, or everybody."""
        if len(candidates) <= 1 or self.affinity_threshold <= 0:
            return candidates
        match = find(request, PrefixMatch, self.prefix_match_info_producer_name)
        if match is None or not match.total:
            return candidates
        needed = self.affinity_threshold * match.total
        blocks = match.blocks
        sticky = [c for c in candidates if blocks.get(c.endpoint.slot, 0) >= needed]
        if not sticky or len(sticky) == len(candidates):
            return candidates
        if chance(request, _SALT) < self.exploration_probability:
            return candidates
        return candidates if self._is_too_slow(request, sticky, candidates) else sticky

    def _is_too_slow(
        self, request: Request, sticky: Sequence[Candidate], candidates: Sequence[Candidate]
    ) -> bool:
        known = self._times(request, candidates)
        if not known or not self.max_ttft_penalty_ms:
            return False
        staying = {c.endpoint.slot for c in sticky}
        slots = [c.endpoint.slot for c in candidates if c.endpoint.slot in known]
        stay = min((known[slot] for slot in slots if slot in staying), default=None)
        leave = min((known[slot] for slot in slots if slot not in staying), default=None)
        if stay is None or leave is None:
            return False
        return (stay - leave) * 1000 > self.max_ttft_penalty_ms

    def _times(self, request: Request, candidates: Sequence[Candidate]) -> Mapping[int, float]:
        """Return the seconds to the first token by slot, as far as they are known."""
        if self.ttft_source == "latencyPredictor":
            prediction = find(
                request, LatencyPrediction, self.latency_prediction_info_producer_name
            )
            return prediction.ttft if prediction else {}
        counts = tokens_in_flight(request, candidates, self.in_flight_load_producer_name)
        rate = self.peak_prefill_throughput
        return {c.endpoint.slot: n / rate for c, n in zip(candidates, counts, strict=True)}
