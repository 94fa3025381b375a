import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.kvcache.events import Batch, Cleared, Malformed, Removed, Stored, decode

Message = Callable[..., bytes]


def test_the_recorded_messages_of_vllm_are_read(recorded: list[bytes]) -> None:
    batches = [decode(payload) for payload in recorded]

    assert len(batches) == 38
    assert {batch.rank for batch in batches} == {0}
    first = batches[0].events[0]
    assert isinstance(first, Stored)
    assert (first.hashes, first.parent) == ([3287145119636804971], None)
    assert (len(first.tokens), first.block_size, first.lora) == (32, 32, "")
    assert (first.medium, first.group, first.kind) == ("GPU", 0, "full_attention")
    adapters = {e.lora for b in batches for e in b.events if isinstance(e, Stored)}
    assert adapters == {"", "food-review-1", "food-review-2"}


def test_both_generations_are_the_same_events(message: Message) -> None:
    arrays = message(
        ["BlockStored", [1, 2], 7, [10, 11, 12, 13], 2, 4, "GPU", "poet"],
        ["BlockRemoved", [1], "CPU"],
        ["AllBlocksCleared"],
        rank=3,
    )
    maps = message(
        {
            "type": "BlockStored",
            "block_hashes": [1, 2],
            "parent_block_hash": 7,
            "token_ids": [10, 11, 12, 13],
            "block_size": 2,
            "lora_id": 4,
            "medium": "GPU",
            "lora_name": "poet",
            "tomorrow": {"new": [1]},
        },
        {"type": "BlockRemoved", "block_hashes": [1], "medium": "CPU"},
        {"type": "AllBlocksCleared"},
        rank=3,
    )
    expected = Batch(
        [Stored([1, 2], 7, [10, 11, 12, 13], 2, "poet", "GPU"), Removed([1], "CPU"), Cleared()], 3
    )

    assert decode(arrays) == decode(maps) == expected


def test_older_events_with_fewer_fields_and_hashes_of_bytes_are_read(message: Message) -> None:
    name = bytes(range(32))
    (event,) = decode(message(["BlockStored", [name], None, [1, 2], 2, None])).events

    assert event == Stored([name], None, [1, 2], 2)
    assert decode(msgspec.msgpack.encode([1.0, [["BlockRemoved", [5]]]])) == Batch(
        [Removed([5])], None
    )


HOSTILE = {
    "nothing": b"",
    "no batch": b"\xc0",
    "a list that ends early": b"\x93\xcb" + bytes(8) + b"\xdd\xff\xff\xff\xff",
    "a count of four billion hashes": b"\x93\xcb" + bytes(8) + b"\x91\x94\xabBlockStored\xdd\xff",
    "deep arrays": b"\x93\xcb" + bytes(8) + b"\x91" * 200_000 + b"\xc0",
    "deep extra keys": msgspec.msgpack.encode([1.0, [["BlockStored", [1], None, [1], 1]]])[:-3]
    + b"\x91" * 200_000,
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_malformed_and_cost_no_memory(payload: bytes) -> None:
    with pytest.raises(Malformed):
        decode(payload)
    tracemalloc.start()
    with pytest.raises(Malformed):
        decode(payload)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


@pytest.mark.parametrize(
    "event",
    [
        ["BlockStored", "1", None, [1], 1],
        ["BlockStored", [1.5], None, [1], 1],
        ["BlockStored", [1], None, ["a"], 1],
        {"type": "BlockStored", "block_hashes": [1], "parent_block_hash": [], "token_ids": [1]},
        {"type": "Unheard"},
        ["BlockRemoved"],
        7,
    ],
)
def test_fields_of_other_types_make_a_message_malformed(message: Message, event: object) -> None:
    with pytest.raises(Malformed):
        decode(message(event))


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_malformed(payload: bytes) -> None:
    with suppress(Malformed):
        decode(payload)
