"""inflight-load-producer: requests and tokens in flight at each endpoint.

What:
    Counts what this EPP has sent to each endpoint that has not ended: requests, and the tokens of
    their prompts that are not in the endpoint's cache already. The first endpoint of each profile
    counts, so prefill workers do too.

Formula:
    Tokens of a request: prompt tokens - cached prompt tokens, and with addEstimatedOutputTokens
    also min(prompt tokens * outputRatio, maxEstimatedOutputTokens, what the client allows). Without
    a token-producer a prompt has a token for every 4 bytes of the request. Where response headers
    are seen and no output is counted, the prompt's tokens are free from then on, and so is a
    prefill worker; otherwise at the end.

Reads:
    The prompt's tokens and prefix matches of other producers.

Parameters:
    addEstimatedOutputTokens: Count the tokens to come too, false.
    outputRatio: Output tokens per prompt token, 1.5.
    maxEstimatedOutputTokens: Most output tokens to count for a request; no limit by default.
    prefixMatchInfoProducerName: Whose prefix matches count; the first producer by default.
    syncCrossReplicaState: Accepted; counts are this replica's own.

When to use:
    With token-load-scorer, active-request-scorer, utilization-filter and concurrency-detector.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple

from epp.api.data import InflightLoad, PrefixMatch, Tokens, find, publish
from epp.api.endpoint import Candidate, Endpoint
from epp.api.metrics import MetricFamily
from epp.api.parameters import Param
from epp.api.plugin import Instance, Outcome, ResponseHead
from epp.api.registry import Family, plugin
from epp.api.request import Decision, Request
from epp.metrics.series import MOST_LABEL_VALUES, OTHER

_BYTES_PER_TOKEN = 4
_PREFILL = "prefill"
_MOST_SHOWN = 100
_Series = tuple[Endpoint, str, int]


class _Entry(NamedTuple):
    """What one profile of a request added."""

    endpoint: Endpoint
    tokens: int
    series: _Series
    is_prefill: bool


class Counts:
    """What is in flight.

    Attributes:
        name: of the producer.
        key: under which requests remember what they added; heirs share it.
        load: by slot.
        owners: the endpoints of the slots.
        series: requests and tokens by what the metrics tell apart.
    """

    __slots__ = ("key", "load", "name", "owners", "series")

    def __init__(self) -> None:
        self.key = object()
        self.name = "inflight-load-producer"
        self.load = InflightLoad({}, {})
        self.owners: dict[int, Endpoint] = {}
        self.series: dict[_Series, list[int]] = {}

    def add(self, endpoint: Endpoint, requests: int, tokens: int, series: _Series) -> None:
        """Add to the counts of an endpoint, if it has not gone."""
        slot = endpoint.slot
        if self.owners.get(slot) is not endpoint:
            return
        held: Any = self.load
        for counts, amount in zip(held, (requests, tokens), strict=True):
            counts[slot] = counts.get(slot, 0) + amount
        shown = self.series.setdefault(series, [0, 0])
        shown[0] += requests
        shown[1] += tokens
        if not any(shown):
            del self.series[series]


@plugin("inflight-load-producer", Family.PRODUCER)
@dataclass(frozen=True, slots=True, eq=False)
class InflightLoadProducer:
    """Counts what is in flight."""

    produces: ClassVar[frozenset[type]] = frozenset((InflightLoad,))
    consumes: ClassVar[frozenset[type]] = frozenset((Tokens, PrefixMatch))
    response_role: ClassVar[str] = "listener"
    add_estimated_output_tokens: Annotated[bool, Param("Count the tokens to come too.")] = False
    output_ratio: Annotated[float, Param("Output tokens per prompt token.", minimum=0)] = 1.5
    max_estimated_output_tokens: Annotated[
        int | None, Param("Most output tokens to count for a request.", minimum=0)
    ] = None
    prefix_match_info_producer_name: Annotated[
        str, Param("Whose prefix matches count; the first producer by default.")
    ] = ""
    sync_cross_replica_state: Annotated[bool, Param("Accepted; counts are this replica's own.")] = (
        True
    )
    counts: Counts = field(init=False, repr=False, default_factory=Counts)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Learn its own name."""
        self.counts.name = name
        wanted = self.prefix_match_info_producer_name
        return f"there is no plugin {wanted!r}" if wanted and wanted not in instances else ""

    @property
    def reads_body(self) -> bool:
        """Whether it looks for the most output tokens that a body allows."""
        return self.add_estimated_output_tokens

    def inflight(self) -> InflightLoad:
        """Return what is in flight: a live view."""
        return self.counts.load

    def produce(self, request: Request, candidates: Sequence[Candidate]) -> None:
        """Hand out the counts of now."""
        del candidates
        publish(request, self.counts.name, self.counts.load)

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Add a request where it goes."""
        del candidates
        entries = [self._enter(request, decision.primary, is_prefill=False)]
        for name, other in decision.others.items():
            if other.primary is not decision.primary:
                entries.append(self._enter(request, other.primary, is_prefill=name == _PREFILL))
        request.scratch[self.counts.key] = entries

    def responded(
        self, request: Request | None, decision: Decision | None, response: ResponseHead
    ) -> Sequence[tuple[str, str]]:
        """Free what the prompt took: it was processed."""
        del decision, response
        entries = request.scratch.pop(self.counts.key, None) if request is not None else None
        if request is None or not entries:
            return ()
        kept = []
        for entry in entries:
            if entry.is_prefill:
                self.counts.add(entry.endpoint, -1, -entry.tokens, entry.series)
            elif self.add_estimated_output_tokens:
                kept.append(entry)
            else:
                self.counts.add(entry.endpoint, 0, -entry.tokens, entry.series)
                kept.append(entry._replace(tokens=0))
        request.scratch[self.counts.key] = kept
        return ()

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Take a request away from where it went."""
        del decision, outcome
        for entry in request.scratch.pop(self.counts.key, ()):
            self.counts.add(entry.endpoint, -1, -entry.tokens, entry.series)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what is in flight there."""
        counts, slot = self.counts, endpoint.slot
        if counts.owners.get(slot) is endpoint:
            del counts.owners[slot]
            held: Any = counts.load
            for numbers in held:
                numbers.pop(slot, None)
        for series in [series for series in counts.series if series[0] is endpoint]:
            del counts.series[series]

    def inherit(self, predecessor: object) -> None:
        """Take over the counts; the new one also takes what is under way to its end."""
        if isinstance(predecessor, InflightLoadProducer):
            old, new = predecessor.counts, self.counts
            new.key, new.load, new.owners, new.series = old.key, old.load, old.owners, old.series

    def metrics(self) -> Iterator[MetricFamily]:
        """Return the figures of llm-d-router."""
        labels = ("endpoint_name", "namespace", "producer_name", "fairness_id", "priority")
        rows = [
            ((endpoint.name, endpoint.namespace, self.counts.name, fairness, str(priority)), shown)
            for (endpoint, fairness, priority), shown in self.counts.series.items()
        ]
        for index, what in enumerate(("requests", "tokens")):
            yield MetricFamily(
                f"llm_d_epp_inflight_{what}",
                "gauge",
                f"[ALPHA] The {what} in flight at each endpoint.",
                labels,
                [(values, shown[index]) for values, shown in rows],
            )

    def state(self) -> Mapping[str, object]:
        """Return the counts of the busiest endpoints."""
        counts = self.counts
        rows = [
            {
                "endpoint": f"{endpoint.namespace}/{endpoint.name}",
                "requests": counts.load.requests.get(slot, 0),
                "tokens": counts.load.tokens.get(slot, 0),
            }
            for slot, endpoint in counts.owners.items()
        ]
        rows.sort(key=lambda row: (row["requests"], row["tokens"]), reverse=True)
        return {"endpoints": rows[:_MOST_SHOWN], "totalEndpoints": len(rows)}

    def _enter(self, request: Request, endpoint: Endpoint, *, is_prefill: bool) -> _Entry:
        counts = self.counts
        owner = counts.owners.setdefault(endpoint.slot, endpoint)
        if owner is not endpoint:
            self.endpoint_gone(owner)
            counts.owners[endpoint.slot] = endpoint
        series = (endpoint, request.fairness_id, request.priority)
        if series not in counts.series and len(counts.series) >= MOST_LABEL_VALUES:
            series = (endpoint, OTHER, request.priority)
        tokens = self._tokens(request, endpoint.slot)
        counts.add(endpoint, 1, tokens, series)
        return _Entry(endpoint, tokens, series, is_prefill)

    def _tokens(self, request: Request, slot: int) -> int:
        found = find(request, Tokens)
        prompt = found.total if found is not None else request.size // _BYTES_PER_TOKEN
        tokens = prompt
        match = find(request, PrefixMatch, self.prefix_match_info_producer_name)
        if match is not None and match.block_tokens > 0:
            indexed = match.total * match.block_tokens
            cached = int(match.blocks.get(slot, 0) * match.block_tokens)
            tokens = max(0, indexed - cached) + max(0, prompt - indexed)
        if self.add_estimated_output_tokens:
            tokens += self._output(request, prompt)
        return tokens

    def _output(self, request: Request, prompt: int) -> int:
        estimate = round(prompt * self.output_ratio)
        body = request.body or {}
        for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
            allowed = body.get(name)
            if type(allowed) is int and allowed > 0:
                estimate = min(estimate, allowed)
                break
        most = self.max_estimated_output_tokens
        return estimate if most is None else min(estimate, most)
