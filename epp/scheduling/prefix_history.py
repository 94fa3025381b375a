"""The approximate prefix cache: what each endpoint was sent, and what that makes of a prompt.

The scorer that keeps its own index and the producer share it. Where it is better than GAIE's:

- a count of matching blocks ends at the first one that an endpoint does not hold;
- an endpoint's capacity follows what it reports, instead of being fixed when first seen;
- block size does not depend on the order of the candidates: the smallest reported one counts;
- the end of a prompt is forgotten before its start;
- what a dispatch added is taken back when the model server answered 5xx, and moved when the gateway
  says that another endpoint has served.

``is_strict`` leaves these out, so that counts are equal to GAIE's. In either form what a prompt was
hashed to belongs to that request, not to an id that clients choose.
"""

from array import array
from collections.abc import Mapping, Sequence
from operator import attrgetter
from sys import byteorder
from typing import Any, NamedTuple

from epp.api.data import PrefixMatch, Tokens, find
from epp.api.endpoint import Candidate, Endpoint, Snapshot
from epp.api.plugin import Outcome
from epp.api.request import Decision, Request
from epp.api.tuples import new_tuple
from epp.scheduling.prefix_index import PrefixIndex, chain, token_chain

_reported_size = attrgetter("metrics.block_size")

BYTES_PER_TOKEN = 4
PREFILL_PROFILE = "prefill"
"""The profile whose first choice holds the prompt too (GAIE and llm-d go by this very name)."""


class Limits(NamedTuple):
    """How prompts are cut and how much is remembered.

    Attributes:
        auto_tune: use the block size and capacity that the model servers report.
        block_bytes: size of a block where none is reported.
        max_blocks: blocks of a prompt that are looked at.
        max_tokens: the same limit in tokens; 0 leaves it to the blocks.
        capacity: blocks remembered per endpoint where none are reported.
        min_block_bytes: no block is smaller, whatever is reported.
        is_strict: count exactly as GAIE does.
        reads_tokens: hash token ids where a producer has published them, as llm-d does.
    """

    auto_tune: bool = True
    block_bytes: int = 64
    max_blocks: int = 256
    max_tokens: int = 0
    capacity: int = 31250
    min_block_bytes: int = 0
    is_strict: bool = False
    reads_tokens: bool = False


class Found(NamedTuple):
    """What one prompt matches; its first fields are those of ``PrefixMatch``, which it serves as.

    Attributes:
        blocks: by endpoint slot, how many blocks were sent there before.
        total: blocks of the prompt that were looked at.
        block_tokens: tokens in a block.
        block_bytes: bytes in a block.
        chains: the hashes of each prompt's blocks.
    """

    blocks: Mapping[int, int]
    total: int
    block_tokens: int
    block_bytes: int
    chains: Sequence[Sequence[int]]


class PrefixHistory:
    """What the endpoints were sent."""

    __slots__ = ("_capacities", "_public_name", "index", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.index = PrefixIndex()
        self._capacities: dict[int, int] = {}
        self._public_name: str | None = None

    def publish_as(self, name: str) -> None:
        """Hand what is found to others from now on, as the producer of this name."""
        self._public_name = name

    def find(self, request: Request, candidates: Sequence[Candidate]) -> Found:
        """Return what the prompt matches; hashed once per request."""
        known: Found | None = request.scratch.get(self)
        if known is not None:
            return known
        auto_tune, block_bytes, max_blocks, max_tokens, _, least, is_strict, reads = self.limits
        if auto_tune:
            if is_strict:
                reported = candidates[0].metrics.block_size if candidates else 0
            elif isinstance(candidates, Snapshot):
                reported = candidates.smallest_block
            else:
                reported = min(filter(None, map(_reported_size, candidates)), default=0)
            if reported:
                block_bytes = reported * BYTES_PER_TOKEN
        block_bytes = max(block_bytes, least)
        limit = max_tokens * BYTES_PER_TOKEN or max_blocks * block_bytes
        limit -= limit % block_bytes
        seed = (request.target_model + request.cache_salt).encode("utf-8", "surrogatepass")
        tokens = find(request, Tokens) if reads else None
        if tokens is None:
            hashes = chain(request.prompt.head(limit), seed, block_bytes)
            chains: Sequence[Sequence[int]] = (hashes,)
            total = len(hashes)
        else:
            chains = [token_chain(b[:limit], seed, block_bytes) for b in _token_bytes(tokens)]
            total = sum(map(len, chains))
        if is_strict or len(chains) != 1:
            matched = self._match(chains)
        else:
            matched = self.index.match(chains[0])
        block_tokens = block_bytes // BYTES_PER_TOKEN
        found = new_tuple(Found, (matched, total, block_tokens, block_bytes, chains))
        request.scratch[self] = found
        if self._public_name is not None:
            request.scratch[PrefixMatch, self._public_name] = found
            request.scratch.setdefault((PrefixMatch, ""), found)
        return found

    def dispatched(
        self, request: Request, decision: Decision, candidates: Sequence[Candidate]
    ) -> Found:
        """Note that the primary endpoint, and the one that prefills, are sent this prompt.

        Returns:
            What the prompt matched before.
        """
        found = self.find(request, candidates)
        if not found.total:
            return found
        self._add(decision.primary, found, candidates)
        prefill = decision.others.get(PREFILL_PROFILE) if decision.others else None
        if prefill is not None:
            self._add(prefill.primary, found, candidates)
        return found

    def completed(self, request: Request, decision: Decision, outcome: Outcome) -> None:
        """Correct what the dispatch added by what became of it.

        Blocks that the endpoint was sent before stay, as far as they are the start of the prompt.
        """
        if outcome.status < 500 and not outcome.served:
            return
        primary = decision.primary
        is_elsewhere = bool(outcome.served) and outcome.served != primary.host_port
        if self.limits.is_strict or not (outcome.status >= 500 or is_elsewhere):
            return
        found: Found | None = request.scratch.get(self)
        if found is None or not found.total:
            return
        if len(found.chains) == 1:
            hashes = found.chains[0]
            self.index.remove(primary.slot, hashes[found.blocks.get(primary.slot, 0) :])
        if is_elsewhere and outcome.status < 500:
            for endpoint in decision.endpoints:
                if endpoint.host_port == outcome.served:
                    self._add(endpoint, found, ())

    def endpoint_gone(self, endpoint: Endpoint) -> None:
        """Forget what the endpoint was sent."""
        self.index.forget(endpoint.slot)
        self._capacities.pop(endpoint.slot, None)

    def inherit(self, predecessor: "PrefixHistory") -> None:
        """Take over the index of one that cut prompts in the same way."""
        if predecessor.limits._replace(capacity=0) == self.limits._replace(capacity=0):
            self.index = predecessor.index
            self._capacities = predecessor._capacities  # noqa: SLF001 - one of its own kind

    def state(self) -> Mapping[str, object]:
        """Return the size of the index, for the debug page."""
        return {"blocks": self.index.size, "endpoints": len(self._capacities)}

    def _match(self, chains: Sequence[Sequence[int]]) -> dict[int, int]:
        match = self.index.match_scattered if self.limits.is_strict else self.index.match
        matched: dict[int, int] = {}
        for hashes in chains:
            for slot, depth in match(hashes).items():
                matched[slot] = matched.get(slot, 0) + depth
        return matched

    def _add(self, endpoint: Endpoint, found: Found, candidates: Sequence[Candidate]) -> None:
        slot, is_strict = endpoint.slot, self.limits.is_strict
        capacity = self._capacities.get(slot, 0)
        if not (capacity and is_strict):
            capacity = self._capacity(endpoint, candidates) or capacity or self.limits.capacity
            self._capacities[slot] = capacity
        for hashes in found.chains:
            self.index.add(slot, hashes, capacity, start_first=is_strict)

    def _capacity(self, endpoint: Endpoint, candidates: Sequence[Candidate]) -> int:
        """Return the number of blocks that the endpoint reports; 0 if it does not."""
        if self.limits.auto_tune:
            if isinstance(candidates, Snapshot):
                position = candidates.positions.get(endpoint.slot)
                return 0 if position is None else candidates[position].metrics.num_blocks
            for candidate in candidates:
                if candidate.endpoint is endpoint:
                    return candidate.metrics.num_blocks
        return 0


def _token_bytes(tokens: Tokens) -> list[bytes]:
    """Return the ids of each prompt, four bytes each, little-endian."""
    packed = []
    for prompt in tokens.prompts:
        words: Any = prompt
        if not (isinstance(words, array) and words.typecode == "I"):
            words = array("I", (token & 0xFFFFFFFF for token in prompt))
        if byteorder == "big":
            words = words[:]
            words.byteswap()
        packed.append(words.tobytes())
    return packed
