"""The recorded events, and events of one's own."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from epp.kvcache.events import Batch, Stored

FIXTURES = Path(__file__).parents[3] / "fixtures"


@pytest.fixture(scope="session")
def recorded() -> list[bytes]:
    """The payloads of a real vLLM's messages, in order."""
    lines = (FIXTURES / "kv-events" / "vllm-0.32.0.jsonl").read_text().splitlines()
    return [base64.b64decode(json.loads(line)["frames"][2]) for line in lines]


@pytest.fixture(scope="session")
def tiny_llama() -> Path:
    """The folder of the tokenizer that the events were recorded with."""
    return FIXTURES / "tiny-llama"


@pytest.fixture(scope="session")
def critic() -> str:
    """The prompt of the recorded requests."""
    refrain = "The critic writes about food and the city."
    start = "Write as if you were a critic: San Francisco is a city by the bay."
    return " ".join([start, *[refrain] * 3])


@pytest.fixture
def message() -> Callable[..., bytes]:
    """Make a message of events given as maps or arrays."""

    def make(*events: Any, rank: int | None = 0) -> bytes:
        return msgspec.msgpack.encode([1.5, list(events), rank])

    return make


@pytest.fixture
def stored() -> Callable[..., Batch]:
    """Make a batch that stores a prompt: blocks of 4 tokens, hashed by number from ``first``."""

    def make(
        tokens: list[int], first: int = 100, parent: int | None = None, **fields: Any
    ) -> Batch:
        hashes = list(range(first, first + len(tokens) // 4))
        rank = fields.pop("rank", 0)
        return Batch([Stored(hashes, parent, tokens, 4, **fields)], rank)

    return make
