"""Endpoints and what is known of them. All of it is immutable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NO_MODELS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One model server address; identity is the object (the pool holds one per name).

    Attributes:
        name: unique within its namespace; for pods ``<pod>-rank-<index>``.
        namespace: Kubernetes namespace, ``default`` for endpoints from a file.
        address: an IP literal (v4, or v6 without brackets).
        port: 1 to 65535.
        labels: the pod's labels.
        slot: a small integer, unique among the endpoints alive in one pool. Sets of endpoints are
            integers with bit ``slot`` set. A slot is used again only after every observer was told
            that its endpoint is gone.
    """

    name: str
    namespace: str
    address: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    slot: int = 0
    host_port: str = field(init=False)

    def __post_init__(self) -> None:
        host = f"[{self.address}]" if ":" in self.address else self.address
        object.__setattr__(self, "host_port", f"{host}:{self.port}")


class Metrics(NamedTuple):
    """The last values scraped from one endpoint.

    Attributes:
        waiting: requests queued in the model server.
        running: requests being served.
        kv_usage: share of the KV cache in use, 0 to 1.
        active_models: LoRA adapters running now.
        waiting_models: LoRA adapters with queued requests.
        max_active_models: adapters that fit at once; 0 when unknown.
        block_size: tokens in a KV-cache block; 0 when unknown.
        num_blocks: KV-cache blocks; 0 when unknown.
        updated_at: monotonic seconds; 0.0 means never scraped.
    """

    waiting: int = 0
    running: int = 0
    kv_usage: float = 0.0
    active_models: frozenset[str] = NO_MODELS
    waiting_models: frozenset[str] = NO_MODELS
    max_active_models: int = 0
    block_size: int = 0
    num_blocks: int = 0
    updated_at: float = 0.0


NEVER_SCRAPED = Metrics()


class Candidate(NamedTuple):
    """One endpoint as a scheduling decision sees it.

    ``waiting`` and ``running`` are the scraped values corrected by our own dispatches and
    completions since that scrape, so that a burst between two scrapes does not herd onto one
    endpoint. Never below zero.

    Attributes:
        endpoint: who it is.
        metrics: the raw scraped values.
        is_fresh: scraped at least once and not longer ago than the staleness threshold. Load
            figures of a candidate that is not fresh mean nothing; scorers take it for an average
            one.
        is_reachable: the last attempt to connect succeeded, or none was made yet. Unreachable
            candidates are left out while others are reachable.
        inflight: requests this EPP has sent there that have not ended.
        waiting: requests queued, corrected.
        running: requests running, corrected.
    """

    endpoint: Endpoint
    metrics: Metrics = NEVER_SCRAPED
    is_fresh: bool = False
    is_reachable: bool = True
    inflight: int = 0
    waiting: int = 0
    running: int = 0


class Snapshot(tuple[Candidate, ...]):  # noqa: SLOT001 - a tuple cannot have slots that hold values
    """All candidates of a pool at one moment, with what is cheaper to keep than to find out.

    Attributes:
        serial: one more for each snapshot of a pool that differs from the one before.
        changed: positions at which it differs from the snapshot before it; None when endpoints
            came, went or changed places.
        positions: position by endpoint slot.
        are_fresh: whether all of them are.
        smallest_block: tokens in the smallest KV-cache block reported; 0 when none is.
    """

    serial: int
    changed: Sequence[int] | None
    positions: Mapping[int, int]
    are_fresh: bool
    smallest_block: int
