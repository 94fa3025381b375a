"""The prefix cache: what is found again, what is evicted, and laws that always hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.simulator.kv_cache import Lease, PrefixCache

LAW = settings(max_examples=60)


def cache_of(size: int = 8, block_size: int = 4) -> PrefixCache:
    return PrefixCache(size=size, block_size=block_size, seed="x")


def test_a_prompt_seen_before_is_found_but_for_its_last_block() -> None:
    cache = cache_of()
    cache.release(cache.acquire(list(range(12))))

    assert cache.acquire(list(range(12))).cached_tokens == 8


def test_a_longer_prompt_finds_all_full_blocks_of_a_shorter_one() -> None:
    cache = cache_of()
    cache.release(cache.acquire(list(range(10))))

    assert cache.acquire([*range(8), 99, 98, 97, 96]).cached_tokens == 8


def test_a_different_first_token_finds_nothing() -> None:
    cache = cache_of()
    cache.release(cache.acquire(list(range(12))))

    assert cache.acquire([99, *range(1, 12)]).cached_tokens == 0


def test_an_adapter_has_blocks_of_its_own() -> None:
    cache = cache_of()
    cache.release(cache.acquire(list(range(12)), "a"))

    assert cache.acquire(list(range(12))).cached_tokens == 0
    assert cache.acquire(list(range(12)), "a").cached_tokens == 8


def test_the_answer_is_found_again_by_the_next_turn_of_the_conversation() -> None:
    cache = cache_of(size=16)
    cache.release(cache.acquire([1, 2, 3, 4, 5, 6]), [7, 8, 9, 10, 11])

    assert cache.acquire([*range(1, 12), 50, 51]).cached_tokens == 8


def test_only_running_requests_count_as_usage() -> None:
    cache = cache_of(size=8)
    lease = cache.acquire(list(range(10)))
    assert cache.usage == 3 / 8

    cache.grow(lease, 3)
    assert cache.usage == 4 / 8

    cache.release(lease)
    assert cache.usage == 0
    assert cache.stored == 2


def test_two_requests_with_one_prefix_share_its_blocks() -> None:
    cache = cache_of()
    cache.acquire(list(range(8)))
    cache.acquire(list(range(8)))

    assert cache.in_use == 2


def test_the_block_unused_for_longest_goes_first() -> None:
    cache = cache_of(size=2)
    cache.release(cache.acquire([1, 2, 3, 4]))
    cache.release(cache.acquire([5, 6, 7, 8]))
    cache.release(cache.acquire([9, 10, 11, 12]))

    assert cache.acquire([5, 6, 7, 8, 0]).cached_tokens == 4
    assert cache.acquire([1, 2, 3, 4, 0]).cached_tokens == 0


def test_blocks_of_an_unloaded_adapter_go_before_older_ones() -> None:
    cache = cache_of(size=3)
    cache.release(cache.acquire([1, 2, 3, 4]))
    cache.release(cache.acquire([5, 6, 7, 8], "a"))
    cache.adapter_unloaded("a")
    cache.release(cache.acquire([9, 10, 11, 12]))
    cache.release(cache.acquire([13, 14, 15, 16]))

    assert cache.acquire([1, 2, 3, 4, 0]).cached_tokens == 4


def test_a_running_request_keeps_its_blocks_when_the_cache_is_full() -> None:
    cache = cache_of(size=2)
    held = cache.acquire(list(range(8)))
    cache.release(cache.acquire(list(range(50, 70))))
    cache.release(held)

    assert cache.acquire([*range(8), 0]).cached_tokens == 8


def test_clearing_forgets_all_that_is_not_held() -> None:
    cache = cache_of()
    cache.release(cache.acquire(list(range(12))))
    cache.clear()

    assert cache.acquire(list(range(12))).cached_tokens == 0


steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "leave", "grow", "clear", "unload", "load"]),
        st.integers(0, 5),
        st.lists(st.integers(0, 2), max_size=20),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=60,
)


@LAW
@given(steps, st.integers(1, 9), st.integers(1, 4))
def test_whatever_happens_the_cache_neither_overflows_nor_invents_hits(
    history: list, size: int, block_size: int
) -> None:
    cache = PrefixCache(size=size, block_size=block_size)
    held: list[Lease] = []
    hits = queries = 0
    for action, number, tokens, adapter in history:
        if action == "enter":
            lease = cache.acquire(tokens, adapter)
            held.append(lease)
            hits += lease.cached_tokens
            queries += len(tokens)
        elif action == "leave" and held:
            cache.release(held.pop(number % len(held)), tokens)
        elif action == "grow" and held:
            cache.grow(held[number % len(held)], number)
        elif action == "clear":
            cache.clear()
        elif action == "unload":
            cache.adapter_unloaded(adapter)
        elif action == "load":
            cache.adapter_loaded(adapter)

        assert 0 <= cache.usage <= 1
        assert cache.in_use <= size
        assert hits <= queries

    for lease in held:
        cache.release(lease)

    assert cache.usage == 0
    assert cache.stored <= size


@LAW
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 5))
def test_the_same_prompt_twice_finds_all_it_may(tokens: list[int], block_size: int) -> None:
    cache = PrefixCache(size=100, block_size=block_size)
    cache.release(cache.acquire(tokens))

    expected = (len(tokens) - 1) // block_size * block_size
    assert cache.acquire(tokens).cached_tokens == expected
