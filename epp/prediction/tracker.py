"""Follows requests from prediction to end: features, accounts, observations.

What is remembered of a request lives in its own scratch memory, so that nothing must be found
again by an id that clients choose, and nothing outlives the request.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from epp.api.data import LatencyPrediction, PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.prediction.features import Features, Observation, Times, slo_seconds
from epp.prediction.series import PredictionSeries

TTFT_HEADERS = ("x-llm-d-slo-ttft-ms", "x-slo-ttft-ms")
TPOT_HEADERS = ("x-llm-d-slo-tpot-ms", "x-slo-tpot-ms")
BYTES_PER_TOKEN = 4
PREFILL_PROFILE = "prefill"
"""Name of the profile whose endpoint counts as the one that prefills (GAIE)."""


class Predicts(Protocol):
    """Where predictions come from."""

    def predict(self, rows: Sequence[Features]) -> Awaitable[Sequence[Times] | None] | None:
        """Return the times of each row once known, None instead of them on failure.

        None at once means that there will be no prediction.
        """
        ...

    def learn(self, observation: Observation) -> None:
        """Take what a request really took."""
        ...


class Terms(NamedTuple):
    """How requests are predicted.

    Attributes:
        slo_buffer_factor: the time per output token asked for is multiplied by this.
        is_streaming: first tokens are seen; otherwise the whole response counts as the first one.
        role_label: pod label with the endpoint's role; empty for none.
        predicts: ask for predictions at all; otherwise only learn.
    """

    slo_buffer_factor: float = 1.0
    is_streaming: bool = True
    role_label: str = ""
    predicts: bool = True


class _Sent(NamedTuple):
    """A request that was dispatched."""

    features: Features
    prefill_features: Features | None
    predicted: Times
    tokens: int
    tpot_slo: float
    ttft_slo: float
    decode: "_Account"
    prefill: "_Account"


class _Account:
    """What is in flight at one endpoint."""

    __slots__ = ("requests", "slos", "tokens")

    def __init__(self) -> None:
        self.requests = 0
        self.tokens = 0
        self.slos: dict[float, int] = {}

    def add(self, slo: float) -> None:
        self.requests += 1
        if slo:
            self.slos[slo] = self.slos.get(slo, 0) + 1

    def remove(self, slo: float) -> None:
        self.requests -= 1
        left = self.slos.get(slo, 0) - 1
        if left > 0:
            self.slos[slo] = left
        else:
            self.slos.pop(slo, None)


class Tracker:
    """Predicts, and learns from what became of it.

    Args:
        terms: how.
        clock: monotonic seconds.
        now: Unix seconds.

    Attributes:
        predictor: None while there is none.
        series: the metrics.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.predictor: Predicts | None = None
        self.series = PredictionSeries()
        self.clock: Callable[[], float] = _no_clock
        self.now: Callable[[], float] = _no_clock
        self._accounts: defaultdict[int, _Account] = defaultdict(_Account)

    def produce(
        self, owner: object, name: str, request: Request, candidates: Sequence[Candidate]
    ) -> Awaitable[None] | None:
        """Ask for predictions and publish them under the name.

        Args:
            owner: key of the request's scratch memory.
            name: of the producer.
            request: about to be scheduled.
            candidates: where it may go.
        """
        tokens = input_tokens(request)
        rows = self._rows(request, candidates, tokens)
        request.scratch[owner] = rows
        if self.predictor is None or not self.terms.predicts or not candidates:
            return None
        asked = self.predictor.predict(list(rows.values()))
        return None if asked is None else self._publish(asked, name, request, list(rows))

    async def _publish(
        self,
        asked: Awaitable[Sequence[Times] | None],
        name: str,
        request: Request,
        slots: Sequence[int],
    ) -> None:
        started = self.clock()
        times = await asked
        if times is None:
            return
        self.series.predicted(request.model, request.target_model, self.clock() - started)
        terms, accounts = self.terms, self._accounts
        factor = terms.slo_buffer_factor
        tpot_slo = slo_seconds(request.headers, TPOT_HEADERS)
        # Who runs there already must not be slowed down below what it asked for.
        limits = {
            slot: min(tpot_slo, *accounts[slot].slos) * factor
            for slot in slots
            if tpot_slo and slot in accounts and accounts[slot].slos
        }
        prediction = LatencyPrediction(
            ttft={slot: one.ttft for slot, one in zip(slots, times, strict=True)},
            tpot={slot: one.tpot for slot, one in zip(slots, times, strict=True)},
            ttft_slo=slo_seconds(request.headers, TTFT_HEADERS),
            tpot_slo=tpot_slo * factor,
            tpot_limits=limits,
            running={slot: accounts[slot].requests for slot in slots if slot in accounts},
            has_tpot=terms.is_streaming,
        )
        publish(request, name, prediction)

    def _rows(
        self, request: Request, candidates: Sequence[Candidate], tokens: int
    ) -> dict[int, Features]:
        match = find(request, PrefixMatch)
        blocks: Mapping[int, float] = match.blocks if match else {}
        total = match.total if match else 0
        label = self.terms.role_label
        accounts = self._accounts
        return {
            slot: Features(
                min(1.0, max(0.0, c.metrics.kv_usage)),
                tokens,
                c.waiting,
                c.running,
                min(1.0, blocks.get(slot, 0) / total) if total else 0.0,
                accounts[slot].tokens if slot in accounts else 0,
                c.endpoint.labels.get(label, "") if label else "",
            )
            for c in candidates
            for slot in (c.endpoint.slot,)
        }

    def dispatched(self, owner: object, name: str, request: Request, decision: Decision) -> None:
        """Note where the request goes, and with what prediction."""
        rows = request.scratch.get(owner)
        slot = decision.primary.slot
        if not isinstance(rows, dict) or slot not in rows:
            return
        prefill = decision.others.get(PREFILL_PROFILE)
        prediction = find(request, LatencyPrediction, name)
        ttft_slot = prefill.primary.slot if prefill else slot
        sent = _Sent(
            features=rows[slot],
            prefill_features=rows.get(ttft_slot),
            predicted=Times(
                prediction.ttft.get(ttft_slot, 0.0) if prediction else 0.0,
                prediction.tpot.get(slot, 0.0) if prediction else 0.0,
            ),
            tokens=rows[slot].input_token_length,
            tpot_slo=slo_seconds(request.headers, TPOT_HEADERS),
            ttft_slo=slo_seconds(request.headers, TTFT_HEADERS),
            # The accounts themselves: a slot may get another endpoint before the request ends.
            decode=self._accounts[slot],
            prefill=self._accounts[ttft_slot],
        )
        request.scratch[owner] = sent
        sent.decode.add(sent.tpot_slo)
        for account in {sent.decode, sent.prefill}:
            account.tokens += sent.tokens

    def completed(self, owner: object, request: Request, outcome: Outcome) -> None:
        """Learn from a request that ended."""
        sent = request.scratch.pop(owner, None)
        if not isinstance(sent, _Sent):
            return
        sent.decode.remove(sent.tpot_slo)
        for account in {sent.decode, sent.prefill}:
            account.tokens -= sent.tokens
        if outcome.is_complete and outcome.status in (0, 200):
            self._learn(sent, request, outcome)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what is in flight there."""
        self._accounts.pop(endpoint.slot, None)

    def metrics(self) -> Iterable[MetricFamily]:
        """Return what was predicted and observed."""
        return self.series.families()

    def _learn(self, sent: _Sent, request: Request, outcome: Outcome) -> None:
        ttft = outcome.first_token_seconds if self.terms.is_streaming else outcome.seconds
        if ttft <= 0.0:
            return
        self._observe(request, "ttft", ttft, sent.predicted.ttft, sent.ttft_slo)
        self._teach(Observation(sent.prefill_features or sent.features, ttft, 0.0, self.now()))
        generated = outcome.usage.completion_tokens if outcome.usage else 0
        if generated < 2 or outcome.seconds <= ttft:
            return
        tpot = (outcome.seconds - ttft) / (generated - 1)
        self._observe(request, "tpot", tpot, sent.predicted.tpot, sent.tpot_slo)
        self._teach(Observation(sent.features, 0.0, tpot, self.now()))

    def _observe(
        self, request: Request, time: str, actual: float, predicted: float, slo: float
    ) -> None:
        models = (request.model, request.target_model)
        self.series.observed(models, time, actual=actual, predicted=predicted, slo=slo)

    def _teach(self, observation: Observation) -> None:
        if self.predictor is not None:
            self.predictor.learn(observation)


def input_tokens(request: Request) -> int:
    """Return the tokens of the prompt, or a fourth of the body's bytes where nobody counted."""
    known = find(request, Tokens)
    return known.total if known else request.size // BYTES_PER_TOKEN


def _no_clock() -> float:
    return 0.0
