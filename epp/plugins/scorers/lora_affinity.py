"""lora-affinity-scorer: go where the adapter is loaded.

What:
    Prefers endpoints that run the requested LoRA adapter already, then those with a free adapter
    slot, then those where requests for the adapter wait.

Formula:
    1.0 when the target model is among the running adapters; else 0.8 while fewer adapters run and
    wait than fit at once; else 0.6 when the target model is among the waiting ones; else 0.0. A
    server without LoRA fits none and so scores 0.0. A candidate that is not fresh scores what the
    fresh ones do on average, or 0.5 if there is none.

Reads:
    The request's target model; adapters running and waiting and how many fit, as scraped.

Parameters:
    None.

When to use:
    When model servers serve LoRA adapters and there are more adapters than fit at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from epp.api.endpoint import Candidate, Metrics
from epp.api.registry import scorer
from epp.api.request import Request
from epp.scheduling.ranking import average_unknown


@scorer("lora-affinity-scorer")
@dataclass(frozen=True, slots=True)
class LoraAffinityScorer:
    """Scores by how soon the adapter can run there."""

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return one of the four grades for each candidate."""
        target = request.target_model
        return average_unknown(candidates, [_grade(target, c.metrics) for c in candidates])


def _grade(target: str, metrics: Metrics) -> float:
    if target in metrics.active_models:
        return 1.0
    if len(metrics.active_models) + len(metrics.waiting_models) < metrics.max_active_models:
        return 0.8
    return 0.6 if target in metrics.waiting_models else 0.0
