"""mm-embeddings-cache-scorer: go where the prompt's images were seen.

What:
    Prefers endpoints that were sent the same images, videos and sounds before.

Formula:
    Different items of the prompt that were sent there before / different items of the prompt; 0
    for a prompt without.

Reads:
    What mm-embeddings-cache-producer publishes.

Parameters:
    None.

When to use:
    For models that see or hear, beside mm-embeddings-cache-producer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from epp.api.data import MultimodalItems, find
from epp.api.endpoint import Candidate
from epp.api.registry import scorer
from epp.api.request import Request


@scorer("mm-embeddings-cache-scorer")
@dataclass(frozen=True, slots=True)
class MmEmbeddingsCacheScorer:
    """Scores by the share of the items sent there before."""

    consumes: ClassVar[frozenset[type]] = frozenset({MultimodalItems})

    def score(self, request: Request, candidates: Sequence[Candidate]) -> list[float]:
        """Return the share of the items that each candidate was sent before."""
        items = find(request, MultimodalItems)
        if items is None or not items.hashes:
            return [0.0] * len(candidates)
        total = len(items.hashes)
        return [items.matched.get(c.endpoint.slot, 0) / total for c in candidates]
