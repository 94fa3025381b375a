from hypothesis import given
from hypothesis import strategies as st

from epp.kvcache.events import Stored, decode
from epp.kvcache.hashing import MASK, fold, keys, pack, root, short, vllm_hashes, vllm_root

ids = st.lists(st.integers(0, 2**32 - 1), max_size=40)


def test_block_hashes_of_the_base_model_are_those_of_vllm(recorded: list[bytes]) -> None:
    events = [event for payload in recorded for event in decode(payload).events]
    full: dict[int, bytes] = {}
    checked = 0
    for event in events:
        assert isinstance(event, Stored)
        if event.lora:
            continue
        assert event.parent is None or isinstance(event.parent, int)
        parent = vllm_root("42") if event.parent is None else full[event.parent]
        for name, announced in zip(
            vllm_hashes(event.tokens, event.block_size, parent, event.extra),
            event.hashes,
            strict=True,
        ):
            assert int.from_bytes(name[-8:], "big") == announced
            assert isinstance(announced, int)
            full[announced] = name
            checked += 1

    assert checked == 15


def test_another_seed_gives_other_hashes() -> None:
    tokens = list(range(32))

    assert vllm_hashes(tokens, 16, vllm_root("42")) != vllm_hashes(tokens, 16, vllm_root("43"))


def test_a_salt_and_a_prompt_item_change_a_block_and_all_after_it() -> None:
    tokens, start = list(range(48)), vllm_root("0")
    plain = vllm_hashes(tokens, 16, start)
    second = vllm_hashes(tokens, 16, start, [None, [("picture", 3)], None])
    first = vllm_hashes(tokens, 16, start, [["salt"]])

    assert [a == b for a, b in zip(plain, second, strict=True)] == [True, False, False]
    assert not set(plain) & set(first)


def test_an_engines_hash_is_the_same_number_in_both_forms() -> None:
    name = vllm_hashes(list(range(16)), 16, vllm_root("42"))[0]

    assert short(name) == short(int.from_bytes(name[-8:], "big")) <= MASK


@given(ids, ids, st.integers(1, 8))
def test_equal_beginnings_have_equal_names_and_others_do_not(
    first: list[int], second: list[int], block: int
) -> None:
    mine, others = (keys(pack(tokens), root(""), block) for tokens in (first, second))

    assert len(mine) == len(first) // block
    for number, (one, other) in enumerate(zip(mine, others, strict=False), 1):
        assert (one == other) == (first[: number * block] == second[: number * block])


def test_adapters_and_salts_share_nothing() -> None:
    packed = pack(list(range(16)))
    starts = [root(""), root("poet"), root("critic"), fold(root(""), ["salt"])]

    assert len({keys(packed, start, 16)[0] for start in starts}) == 4
