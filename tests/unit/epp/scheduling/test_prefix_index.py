from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from epp.scheduling.prefix_index import PrefixIndex, chain

REVIEW = b"a" * 64 + b"b" * 64 + b"c" * 10
CHAT = (
    rb'[{"role":"system","content":"You are \u003cterse\u003e \u0026 kind. '
    rb'Answer in at most twenty words, no lists."},{"role":"user","content":"hi"}]'
)


def test_block_hashes_are_those_of_gaie() -> None:
    assert chain(REVIEW, b"food-review", 64) == [0x846BD41A8AD8E8BF, 0xF87BD9E965BFB5C3]
    assert chain(REVIEW, b"food-reviews1", 64) == [0xA84AEE26D332A054, 0x837D77577645ED2D]
    assert chain(CHAT, b"m", 64) == [0x4B192915C0A49C92, 0x7879235893C6CF6A]


def test_a_partial_block_has_no_hash() -> None:
    assert chain(b"a" * 63, b"m", 64) == []
    assert len(chain(b"a" * 64, b"m", 64)) == 1
    assert len(chain(b"a" * 127, b"m", 64)) == 1


def test_a_match_ends_at_the_first_block_that_is_not_held() -> None:
    index = PrefixIndex()
    index.add(1, [10, 20, 30], capacity=9)
    index.add(2, [10], capacity=9)
    index.add(3, [20, 30], capacity=9)

    assert index.match([10, 20, 30]) == {1: 3, 2: 1}
    assert index.match([10, 99, 30]) == {1: 1, 2: 1}
    assert index.match([99]) == {}
    assert index.match([]) == {}


def test_the_blocks_not_used_for_longest_go_first_and_the_end_of_a_prompt_before_its_start() -> (
    None
):
    index = PrefixIndex()
    index.add(1, [10, 20, 30], capacity=4)
    index.add(1, [11, 21], capacity=4)

    assert index.match([10, 20, 30]) == {1: 2}
    assert index.match([11, 21]) == {1: 2}


def test_using_a_prompt_again_keeps_it() -> None:
    index = PrefixIndex()
    index.add(1, [10], capacity=2)
    index.add(1, [20], capacity=2)
    index.add(1, [10], capacity=2)
    index.add(1, [30], capacity=2)

    assert index.match([10]) == {1: 1}
    assert index.match([20]) == {}


def test_a_prompt_longer_than_the_cache_keeps_its_start() -> None:
    index = PrefixIndex()
    index.add(1, [10, 20, 30], capacity=2)

    assert index.match([10, 20, 30]) == {1: 2}
    assert index.size == 2


def test_a_smaller_capacity_takes_effect_at_once_and_a_larger_one_too() -> None:
    index = PrefixIndex()
    index.add(1, [10, 20, 30, 40], capacity=4)
    index.add(1, [10], capacity=2)

    assert index.match([10, 20, 30, 40]) == {1: 2}

    index.add(1, [10, 20, 30, 40, 50], capacity=5)

    assert index.match([10, 20, 30, 40, 50]) == {1: 5}


class Naive:
    """The same by lists and loops: per slot its blocks, the one used last at the end."""

    def __init__(self) -> None:
        self.blocks: dict[int, list[int]] = {}

    def add(self, slot: int, hashes: list[int], capacity: int) -> None:
        held = self.blocks.setdefault(slot, [])
        for block in reversed(hashes[:capacity]):
            if block in held:
                held.remove(block)
            held.append(block)
        self.blocks[slot] = held[-capacity:]

    def match(self, hashes: list[int]) -> dict[int, int]:
        depths = {}
        for slot, held in self.blocks.items():
            depth = 0
            while depth < len(hashes) and hashes[depth] in held:
                depth += 1
            if depth:
                depths[slot] = depth
        return depths


slots = st.integers(0, 70)
prompts = st.lists(st.integers(0, 12), max_size=6, unique=True)
steps = st.one_of(
    st.tuples(st.just("add"), slots, prompts, st.integers(1, 8)),
    st.tuples(st.just("forget"), slots),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=40), prompts)
def test_agrees_with_a_naive_index_and_leaks_nothing(
    history: list[tuple[Any, ...]], prompt: list[int]
) -> None:
    index, naive = PrefixIndex(), Naive()
    for step in history:
        if step[0] == "add":
            index.add(*step[1:])
            naive.add(*step[1:])
        else:
            index.forget(step[1])
            naive.blocks.pop(step[1], None)

    assert index.match(prompt) == naive.match(prompt)
    assert index.size == sum(len(held) for held in naive.blocks.values())

    for slot in range(71):
        index.forget(slot)

    assert index.size == 0
    assert index._holders == {}
