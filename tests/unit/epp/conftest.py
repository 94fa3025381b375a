"""A small vocabulary: ``pod(queue=3, kv=0.2, active="foo bar")`` and ``ask("llama", "prompt")``."""

import itertools
from collections.abc import Callable, Mapping

import pytest

from epp.api.discovery import NO_LABELS
from epp.api.endpoint import Candidate, Endpoint, Metrics
from epp.api.request import Request


class Text:
    """A prompt with a text."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def head(self, limit: int) -> bytes:
        return self._text[:limit]


@pytest.fixture
def pod() -> Callable[..., Candidate]:
    """Make a candidate; each has its own slot, counted from 0, and the name ``pod-<slot>``."""
    slots = itertools.count()

    def make(
        queue: int = 0,
        kv: float = 0.0,
        active: str = "",
        waiting: str = "",
        *,
        running: int = 0,
        inflight: int = 0,
        max_active: int = 0,
        block_size: int = 0,
        num_blocks: int = 0,
        fresh: bool = True,
        reachable: bool = True,
        labels: Mapping[str, str] = NO_LABELS,
    ) -> Candidate:
        slot = next(slots)
        metrics = Metrics(
            waiting=queue,
            running=running,
            kv_usage=kv,
            active_models=frozenset(active.split()),
            waiting_models=frozenset(waiting.split()),
            max_active_models=max_active,
            block_size=block_size,
            num_blocks=num_blocks,
            updated_at=1.0,
        )
        return Candidate(
            endpoint=Endpoint(
                f"pod-{slot}", "default", f"192.168.1.{slot + 1}", 8000, labels, slot
            ),
            metrics=metrics,
            is_fresh=fresh,
            is_reachable=reachable,
            inflight=inflight,
            waiting=queue,
            running=running,
        )

    return make


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Make a request for a model, with a prompt."""

    def make(
        model: str = "llama",
        prompt: str = "",
        *,
        salt: str = "",
        priority: int = 0,
        headers: Mapping[str, str] = NO_LABELS,
    ) -> Request:
        return Request(
            "id",
            headers,
            model,
            target_model=model,
            prompt=Text(prompt),
            cache_salt=salt,
            priority=priority,
        )

    return make
