"""predicted-latency-scorer: predictions, filters, scores and the choice in one plugin.

What:
    Asks the latency predictor as predicted-latency-producer does, and chooses one endpoint by its
    answer, which gets 1; all others get 0.

Formula:
    Candidates with a cached share of the prompt of affinityGateTauGlobal or more, if there are any,
    leave the others out; except with the probability epsilonExploreSticky, or if the best of them
    is affinityMaxTTFTPenaltyMs slower than the best of all. Those that keep what is asked for leave
    the late ones out, except with the probability epsilonExploreNeg. In that tier those with
    affinityGateTau or more leave the others out under the same conditions. Then one is drawn by the
    weights of latency-scorer, or the one with the greatest weight is taken. Without predictions it
    is drawn by the weighted mean of free KV cache, short queue and cached prefix.

Reads:
    As predicted-latency-producer and latency-scorer.

Parameters:
    samplingMean: has no effect; every response is learnt from once, at its end.
    sloBufferFactor: the time per output token that is asked for is multiplied by this.
    contextTTL: has no effect; what is remembered of a request ends with it.
    streamingMode: responses are streamed; otherwise a whole response counts as its first token.
    endpointRoleLabel: pod label with the endpoint's role, prefill or decode.
    maxSampledTokens: has no effect.
    negHeadroomTTFTWeight: of the time to the first token, among late endpoints.
    negHeadroomTPOTWeight: of the time per output token, among late endpoints.
    headroomTTFTWeight: of the time to the first token, among endpoints in time.
    headroomTPOTWeight: of the time per output token, among endpoints in time.
    headroomSelectionStrategy: least or most headroom is preferred; composite-least, composite-most
        and composite-only go by KV cache, queue and prefix among those in time.
    compositeKVWeight: of the KV cache, without predictions.
    compositeQueueWeight: of the queue, without predictions.
    compositePrefixWeight: of the cached prefix, without predictions.
    epsilonExploreSticky: probability to look at endpoints without the cached prefix too.
    epsilonExploreNeg: probability to choose among the late ones.
    affinityGateTau: cached share that counts within a tier; 0 is off.
    affinityGateTauGlobal: cached share that counts among all; 0 is off.
    affinityMaxTTFTPenaltyMs: milliseconds that a cached prefix may cost; 0 is no limit.
    selectionMode: linear draws by weight, max takes the greatest.

When to use:
    Only to keep an older configuration as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Literal

from epp.api.data import LatencyPrediction, find
from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.plugin import Host
from epp.api.registry import Family, plugin
from epp.api.request import Request
from epp.prediction.predicting import Predicting
from epp.scheduling.chance import chance
from epp.scheduling.headroom import (
    Composite,
    Weights,
    best_group,
    composite_scores,
    graded,
    prefix_shares,
    tiers,
)

_GLOBAL, _TIER, _STICKY, _DRAW = range(2, 6)


@plugin(
    "predicted-latency-scorer",
    Family.SCORER,
    Family.PRODUCER,
    successor="predicted-latency-producer and latency-scorer",
)
@dataclass(frozen=True, slots=True, eq=False)
class PredictedLatencyScorer(Predicting):
    """Chooses one endpoint by predictions."""

    streaming_mode: Annotated[bool, Param("Responses are streamed.")] = True
    max_sampled_tokens: Annotated[int, Param("Has no effect.", minimum=0)] = 0
    neg_headroom_ttft_weight: Annotated[
        float, Param("First token, if late.", name="negHeadroomTTFTWeight", minimum=0)
    ] = 0.8
    neg_headroom_tpot_weight: Annotated[
        float, Param("Output tokens, if late.", name="negHeadroomTPOTWeight", minimum=0)
    ] = 0.2
    headroom_ttft_weight: Annotated[
        float, Param("First token, in time.", name="headroomTTFTWeight", minimum=0)
    ] = 0.8
    headroom_tpot_weight: Annotated[
        float, Param("Output tokens, in time.", name="headroomTPOTWeight", minimum=0)
    ] = 0.2
    headroom_selection_strategy: Annotated[
        Literal["least", "most", "composite-least", "composite-most", "composite-only"],
        Param("What is preferred among those in time."),
    ] = "least"
    composite_kv_weight: Annotated[
        float, Param("Of the KV cache.", name="compositeKVWeight", minimum=0)
    ] = 1.0
    composite_queue_weight: Annotated[float, Param("Of the queue.", minimum=0)] = 1.0
    composite_prefix_weight: Annotated[float, Param("Of the cached prefix.", minimum=0)] = 1.0
    epsilon_explore_sticky: Annotated[
        float, Param("Probability to look beyond cached prefixes.", minimum=0, maximum=1)
    ] = 0.01
    epsilon_explore_neg: Annotated[
        float, Param("Probability to choose among the late ones.", minimum=0, maximum=1)
    ] = 0.01
    affinity_gate_tau: Annotated[
        float, Param("Cached share that counts within a tier.", minimum=0, maximum=1)
    ] = 0.80
    affinity_gate_tau_global: Annotated[
        float, Param("Cached share that counts among all.", minimum=0, maximum=1)
    ] = 0.99
    affinity_max_ttft_penalty_ms: Annotated[
        float,
        Param("What a cached prefix may cost.", name="affinityMaxTTFTPenaltyMs", minimum=0),
    ] = 5000.0
    selection_mode: Annotated[Literal["linear", "max"], Param("How one is chosen.")] = "linear"

    async def start(self, host: Host) -> None:
        """Begin to ask the predictor."""
        from epp.datalayer.client import Client  # noqa: PLC0415 - checking a file needs no network

        del host
        self.begin(Client)

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for the chosen candidate and 0 for the others."""
        ordered = sorted(candidates, key=lambda c: c.endpoint.slot)
        weights = self._weights(request, ordered)
        chosen = self._choice(request, weights)
        return [1.0 if c.endpoint.slot == chosen else 0.0 for c in candidates]

    def _weights(self, request: Request, candidates: Sequence[Candidate]) -> dict[int, float]:
        """Return the weights of those that may be chosen, by slot."""
        slots = [c.endpoint.slot for c in candidates]
        composite = Composite(
            self.composite_kv_weight, self.composite_queue_weight, self.composite_prefix_weight
        )
        by_figures = dict(zip(slots, composite_scores(request, candidates, composite), strict=True))
        prediction = find(request, LatencyPrediction, self.name)
        if prediction is None or not best_group(prediction, slots):
            return by_figures
        shares = dict(zip(slots, prefix_shares(request, candidates), strict=True))
        slots = self._sticky(request, prediction, slots, shares, _GLOBAL)
        positive, negative = tiers(prediction, slots)
        explores = chance(request, _TIER) < self.epsilon_explore_neg
        is_late = not positive or (bool(negative) and explores)
        tier = self._sticky(request, prediction, negative if is_late else positive, shares, _STICKY)
        strategy = self.headroom_selection_strategy
        if not is_late and strategy.startswith("composite"):
            is_reversed = strategy == "composite-least"
            return {s: 1.0 - by_figures[s] if is_reversed else by_figures[s] for s in tier}
        weights = (
            Weights(self.neg_headroom_ttft_weight, self.neg_headroom_tpot_weight)
            if is_late
            else Weights(self.headroom_ttft_weight, self.headroom_tpot_weight)
        )
        group = best_group(prediction, tier)
        graded_ = graded(prediction, group, weights, most=strategy == "most")
        return graded_ or {slot: by_figures[slot] for slot in tier}

    def _sticky(
        self,
        request: Request,
        prediction: LatencyPrediction,
        slots: list[int],
        shares: Mapping[int, float],
        gate: int,
    ) -> list[int]:
        """Return those that have enough of the prompt cached, or all of them."""
        tau = self.affinity_gate_tau_global if gate == _GLOBAL else self.affinity_gate_tau
        sticky = [slot for slot in slots if shares[slot] >= tau]
        if tau <= 0 or not sticky or chance(request, gate) < self.epsilon_explore_sticky:
            return slots
        if self.affinity_max_ttft_penalty_ms > 0:
            best = min((prediction.ttft[s] for s in slots if s in prediction.ttft), default=0.0)
            ours = min((prediction.ttft[s] for s in sticky if s in prediction.ttft), default=0.0)
            if (ours - best) * 1000 > self.affinity_max_ttft_penalty_ms:
                return slots
        return sticky

    def _choice(self, request: Request, weights: Mapping[int, float]) -> int:
        if not weights:
            return -1
        draw = Random(chance(request, _DRAW))
        if self.selection_mode == "max":
            greatest = max(weights.values())
            return draw.choice([slot for slot, weight in weights.items() if weight == greatest])
        if sum(weights.values()) <= 0:
            return draw.choice(list(weights))
        return draw.choices(list(weights), list(weights.values()))[0]
