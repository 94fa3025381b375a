from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epp.kvcache.events import Batch, Cleared, Event, Removed, Stored, decode
from epp.kvcache.index import BlockIndex, Bounds

StoredBatch = Callable[..., Batch]
PROMPT = list(range(1, 13))


def held(index: BlockIndex, tokens: list[int], **fields: Any) -> dict[int, float]:
    """Return how many leading blocks of 4 tokens each slot holds."""
    return index.match(index.names(tokens, 4, **fields))


def removed(*hashes: int, **fields: Any) -> Batch:
    return Batch([Removed(hashes, **fields)], 0)


def test_leading_blocks_count_for_each_endpoint_that_stored_them(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT))
    index.apply(5, stored(PROMPT[:8], first=900))

    assert held(index, PROMPT) == {0: 3, 5: 2}
    assert held(index, [*PROMPT[:8], 77, 77, 77, 77]) == {0: 2, 5: 2}
    assert held(index, PROMPT[4:]) == {}
    assert index.size == 5
    assert index.block_tokens() == (4,)


def test_blocks_join_those_that_events_name_as_parents(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT[:4]))
    index.apply(0, stored(PROMPT[4:], first=101, parent=100))

    assert held(index, PROMPT) == {0: 3}


def test_blocks_whose_parent_was_never_seen_are_left_out(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT[4:], first=101, parent=100))

    assert index.size == 0
    assert index.counts["orphaned"] == 1


def test_engines_may_hash_as_they_like(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT, first=1))
    index.apply(1, stored(PROMPT, first=10**18))
    name = bytes(31) + b"\x07"
    index.apply(2, Batch([Stored([name, 8, 9], None, PROMPT, 4)], 0))

    assert held(index, PROMPT) == {0: 3, 1: 3, 2: 3}

    index.apply(2, Batch([Removed([name])], 0))

    assert held(index, PROMPT) == {0: 3, 1: 3}


def test_removed_blocks_end_a_match(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT))
    index.apply(0, removed(101, 555))

    assert held(index, PROMPT) == {0: 1}
    assert index.size == 2

    index.apply(0, stored(PROMPT[4:8], first=101, parent=100))

    assert held(index, PROMPT) == {0: 3}


def test_a_cleared_cache_and_an_endpoint_that_is_gone_hold_nothing(stored: StoredBatch) -> None:
    index = BlockIndex()
    for slot in (0, 1):
        index.apply(slot, stored(PROMPT))
    index.apply(0, Batch([Cleared()], 0))

    assert held(index, PROMPT) == {1: 3}

    index.forget(1)
    index.forget(7)

    assert held(index, PROMPT) == {}
    assert index.size == 0


def test_adapters_and_salts_match_only_their_own_blocks(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT))
    index.apply(1, stored(PROMPT, lora="poet", extra=[["poet"]] * 3))
    index.apply(2, stored(PROMPT, extra=[["secret"], None, None]))

    assert held(index, PROMPT, adapter="llama") == {0: 3}
    assert held(index, PROMPT, adapter="poet") == {1: 3}
    assert held(index, PROMPT, salt="secret") == {2: 3}
    assert held(index, PROMPT, salt="other") == {}


def test_blocks_in_slower_memory_count_less(stored: StoredBatch) -> None:
    index = BlockIndex(slow_weight=0.5)
    index.apply(0, stored(PROMPT))
    index.apply(0, stored(PROMPT, medium="CPU"))
    index.apply(0, removed(101, 102, medium="GPU"))
    index.apply(1, stored(PROMPT[:4]))

    assert held(index, PROMPT) == {0: 2, 1: 1}

    index.apply(0, removed(102, medium="CPU"))

    assert held(index, PROMPT) == {0: 1.5, 1: 1}


def test_only_caches_that_hold_whole_prefixes_count(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT, kind="full_attention"))
    index.apply(0, stored(PROMPT, kind="sliding_window", group=1))
    index.apply(0, removed(100, group=1))

    assert held(index, PROMPT) == {0: 3}


def test_a_block_is_held_until_no_rank_of_the_endpoint_holds_it(stored: StoredBatch) -> None:
    index = BlockIndex()
    index.apply(0, stored(PROMPT, rank=0))
    index.apply(0, stored(PROMPT, rank=1))
    index.apply(0, removed(101))

    assert held(index, PROMPT) == {0: 3}

    index.apply(0, Batch([Removed([101])], 1))

    assert held(index, PROMPT) == {0: 1}


def test_the_oldest_blocks_give_way_when_an_endpoint_stores_more_than_fits(
    stored: StoredBatch,
) -> None:
    index = BlockIndex(Bounds(blocks=1000, endpoint_blocks=5))
    for number in range(50):
        index.apply(0, stored([number] * 4, first=number))
    index.apply(1, stored(PROMPT))

    assert index.size == 5 + 3
    assert [held(index, [number] * 4) for number in (0, 44, 45, 49)] == [{}, {}, {0: 1}, {0: 1}]


def test_all_endpoints_together_are_bounded_and_the_largest_gives_way(stored: StoredBatch) -> None:
    index = BlockIndex(Bounds(blocks=10, endpoint_blocks=1000))
    for number in range(9):
        index.apply(0, stored([number] * 4, first=number))
    index.apply(1, stored(PROMPT))

    assert index.size == 10
    assert held(index, PROMPT) == {1: 3}
    assert held(index, [1] * 4) == {}


@pytest.mark.parametrize(
    "event",
    [
        Stored([1], None, [1, 2], 4),
        Stored([1], None, [], 0),
        Stored([1, 2, 3], None, [1], 1),
        Stored([1], None, [-1, 2], 2),
        Stored([1], None, [2**40, 2], 2),
        Stored([1], None, [1], 10**9),
        Stored(list(range(70_000)), None, [1] * 70_000, 1),
        Stored([1], None, [1], 1, extra=[5]),  # type: ignore[list-item]
        Stored([1], None, [1], 1, extra=[[10**5000]]),
    ],
)
def test_events_that_make_no_sense_are_counted_and_change_nothing(event: Event) -> None:
    index = BlockIndex()
    index.apply(0, Batch([event], 0))

    assert index.size == 0
    assert index.counts["unusable"] == 1


def test_ranks_adapters_and_block_sizes_that_hosts_invent_are_bounded() -> None:
    index = BlockIndex()
    for number in range(3000):
        event = Stored([number], None, [7] * 4, 4, lora=f"adapter-{number}")
        index.apply(number % 2, Batch([event], number))
        index.apply(9 + number % 100, Batch([Stored([1], None, [1] * number, number)], 0))

    assert len(index.adapters) <= 1024
    assert len(index.block_tokens()) <= 8
    assert index.size <= 2 * 256 + 8 * 100


def test_the_recorded_prompt_is_found_where_it_was_stored(recorded: list[bytes]) -> None:
    index = BlockIndex()
    for payload in recorded:
        index.apply(3, decode(payload))
    base = [e for p in recorded for e in decode(p).events if isinstance(e, Stored)]
    first, second = (base[0].tokens, base[1].tokens)
    prompt = array("I", [*first, *second])

    assert index.counts == {"stored": 52}
    assert index.match(index.names(prompt, 32)) == {3: 2}
    assert index.match(index.names(prompt, 32, adapter="food-review-1")) == {3: 2}
    assert index.match(index.names(prompt, 32, adapter="food-review-2")) == {3: 2}


def test_by_the_engines_names_a_block_counts_without_its_parent(recorded: list[bytes]) -> None:
    index = BlockIndex(seed="42", by_engine=True)
    batches = [decode(payload) for payload in recorded]
    events = [e for b in batches for e in b.events if isinstance(e, Stored)]
    prompt = [*events[0].tokens, *events[1].tokens]
    index.apply(1, batches[1])

    assert index.match(index.names(prompt, 32)) == {}

    index.apply(1, batches[0])

    assert index.match(index.names(prompt, 32)) == {1: 2}


class Naive:
    """The same as sets of prefixes: for each slot the engine's names and the prefixes they mean."""

    def __init__(self) -> None:
        self.known: dict[int, dict[int, tuple[int, ...]]] = {}

    def store(self, slot: int, first: int, parent: int | None, tokens: list[int]) -> None:
        known = self.known.setdefault(slot, {})
        if parent is not None and parent not in known:
            return
        prefix = () if parent is None else known[parent]
        for number in range(len(tokens) // 2):
            prefix = (*prefix, *tokens[2 * number : 2 * number + 2])
            known[first + number] = prefix

    def match(self, tokens: list[int]) -> dict[int, float]:
        found: dict[int, float] = {}
        for slot, known in self.known.items():
            depth = 0
            while (depth + 1) * 2 <= len(tokens) and tuple(
                tokens[: 2 * depth + 2]
            ) in known.values():
                depth += 1
            if depth:
                found[slot] = depth
        return found


slots = st.integers(0, 3)
names = st.integers(0, 6)
words = st.lists(st.integers(0, 1), max_size=6).map(lambda ids: ids[: len(ids) // 2 * 2])
steps = st.one_of(
    st.tuples(st.just("store"), slots, names, st.none() | names, words),
    st.tuples(st.just("remove"), slots, names),
    st.tuples(st.just("forget"), slots),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=30), words)
def test_agrees_with_a_naive_index_and_leaks_nothing(
    history: list[tuple[Any, ...]], prompt: list[int]
) -> None:
    index, naive = BlockIndex(), Naive()
    for step in history:
        match step:
            case ("store", slot, first, parent, tokens):
                before = dict(naive.known.get(slot, {}))
                naive.store(slot, first, parent, tokens)
                after = naive.known.get(slot, {})
                # An engine has one name for each block, and one block for each name.
                if len(set(after.values())) < len(after) or any(
                    after[n] != p for n, p in before.items()
                ):
                    naive.known[slot] = before
                    continue
                hashes = list(range(first, first + len(tokens) // 2))
                index.apply(slot, Batch([Stored(hashes, parent, tokens, 2)], 0))
            case ("remove", slot, name):
                naive.known.get(slot, {}).pop(name, None)
                index.apply(slot, Batch([Removed([name])], 0))
            case ("forget", slot):
                naive.known.pop(slot, None)
                index.forget(slot)

    assert index.match(index.names(prompt, 2)) == naive.match(prompt)
    assert index.size == sum(map(len, naive.known.values()))
    for slot in range(4):
        index.forget(slot)

    assert index.size == 0
    assert not any(tier.holders for tier in index._tiers)
