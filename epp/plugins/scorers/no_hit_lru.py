"""no-hit-lru-scorer: spread prompts that nobody has cached.

What:
    Sends prompts that no endpoint has seen to those that were given such a prompt least recently,
    so that new caches grow everywhere instead of on a few endpoints.

Formula:
    0.5 for all if a candidate has a block of the prompt. Otherwise 1 for candidates that were never
    given such a prompt; for the others 1 - i / (n - 1) with n candidates and i the rank, those that
    waited longest first.

Reads:
    Prefix match of a producer or of prefix-cache-scorer; where prompts that nobody had were sent,
    to serve or to prefill.

Parameters:
    lruSize: endpoints that are remembered.
    prefixPluginType: has no effect; older form of the name below.
    prefixPluginName: older form of prefixMatchInfoProducerName.
    prefixMatchInfoProducerName: whose prefix match to read; by default any.

When to use:
    Beside prefix-cache-scorer, with a smaller weight, where prompts are long and new ones frequent.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from epp.api.data import PrefixMatch, find
from epp.api.endpoint import Candidate, Endpoint
from epp.api.parameters import Param
from epp.api.plugin import NEUTRAL, Instance
from epp.api.registry import scorer
from epp.api.request import Decision, Request

_PREFILL_PROFILE = "prefill"


@scorer("no-hit-lru-scorer")
@dataclass(frozen=True, slots=True, eq=False)
class NoHitLruScorer:
    """Scores by how long ago an endpoint got a prompt that nobody had."""

    lru_size: Annotated[
        int, Param("Endpoints that are remembered.", minimum=1, is_forgiven=True)
    ] = 1024
    prefix_plugin_type: Annotated[str, Param("Has no effect.")] = ""
    prefix_plugin_name: Annotated[str, Param("Older name of the next one.")] = ""
    prefix_match_info_producer_name: Annotated[
        str, Param("Producer whose prefix match is read; by default any.")
    ] = ""

    consumes: ClassVar[frozenset[type]] = frozenset({PrefixMatch})
    recent: OrderedDict[int, None] = field(init=False, repr=False, default_factory=OrderedDict)

    def connect(self, name: str, instances: Mapping[str, Instance]) -> str:
        """Check that the plugin named exists."""
        del name
        wanted = self._producer
        return "" if not wanted or wanted in instances else f"no plugin is named {wanted!r}"

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return 1 for those that never got a prompt that nobody had, 0 for the last one."""
        if not self._is_cold(request):
            return [NEUTRAL] * len(candidates)
        slots = {c.endpoint.slot for c in candidates}
        used = [slot for slot in self.recent if slot in slots]
        never = len(slots) - len(used)
        last = max(len(slots) - 1, 1)
        ranks = {slot: (never + rank) / last for rank, slot in enumerate(used)}
        return [1.0 - ranks.get(c.endpoint.slot, 0.0) for c in candidates]

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> None:
        """Note where a prompt that nobody had is sent."""
        del candidates
        if not self._is_cold(request):
            return
        self._use(decision.primary)
        prefill = decision.others.get(_PREFILL_PROFILE) if decision.others else None
        if prefill is not None:
            self._use(prefill.primary)

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget the endpoint."""
        self.recent.pop(endpoint.slot, None)

    @property
    def _producer(self) -> str:
        return self.prefix_match_info_producer_name or self.prefix_plugin_name

    def _is_cold(self, request: Request) -> bool:
        match = find(request, PrefixMatch, self._producer)
        return match is None or not any(match.blocks.values())

    def _use(self, endpoint: Endpoint) -> None:
        self.recent[endpoint.slot] = None
        self.recent.move_to_end(endpoint.slot)
        while len(self.recent) > self.lru_size:
            self.recent.popitem(last=False)
