"""low-cost-lora-filter: where the adapter is loaded or can be.

What:
    Keeps the endpoints where the requested LoRA adapter runs, and those with room for one more.

Formula:
    Kept when the target model is among the running adapters, or fewer run than fit at once.

Reads:
    The request's target model; adapters running and how many fit, as scraped.

Parameters:
    None.

When to use:
    In a decision tree where loading an adapter is cheap compared to a long queue;
    lora-affinity-filter prefers those that run it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate
from epp.api.registry import filter_
from epp.api.request import Request


@filter_("low-cost-lora-filter")
@dataclass(frozen=True, slots=True)
class LowCostLoraFilter:
    """Keeps who runs the adapter, or has room for it."""

    def filter(self, request: Request, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those where the adapter could run at once."""
        target = request.target_model
        return [
            c
            for c in candidates
            if target in c.metrics.active_models
            or len(c.metrics.active_models) < c.metrics.max_active_models
        ]
