"""lora-affinity-filter: where the adapter is loaded, else where it can be.

What:
    Keeps the endpoints where the requested LoRA adapter runs; if there are none, those with room
    for one more; and rarely the latter although there are some, so that an adapter spreads.

Formula:
    Two groups: the target model is among the running adapters; or it is not, and fewer run than fit
    at once. Of the first group and the second, the one that has members; if both have, the first
    with probability threshold. The request's id decides, so that the same request always gets the
    same answer.

Reads:
    The request's target model and id; adapters running and how many fit, as scraped.

Parameters:
    threshold: probability of staying where the adapter runs.

When to use:
    In a decision tree; otherwise lora-affinity-scorer weighs adapters against other figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from zlib import crc32

from epp.api.endpoint import Candidate
from epp.api.parameters import Param
from epp.api.registry import filter_
from epp.api.request import Request


@filter_("lora-affinity-filter")
@dataclass(frozen=True, slots=True)
class LoraAffinityFilter:
    """Keeps who runs the adapter, mostly."""

    threshold: Annotated[
        float, Param("Probability of staying where the adapter runs.", minimum=0, maximum=1)
    ] = 0.999

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return one of the two groups; nobody when both are empty."""
        target = request.target_model
        running, with_room = [], []
        for candidate in candidates:
            metrics = candidate.metrics
            if target in metrics.active_models:
                running.append(candidate)
            elif len(metrics.active_models) < metrics.max_active_models:
                with_room.append(candidate)
        if running and with_room:
            chance = crc32(request.id.encode("utf-8", "surrogatepass")) / 2**32
            return running if chance < self.threshold else with_room
        return running or with_room
