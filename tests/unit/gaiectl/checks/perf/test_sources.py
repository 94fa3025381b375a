"""Prompts have the length and the beginnings that were asked for; hits are read from metrics."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gaiectl.checks.perf.prefix_hits import between, of_picker, of_server
from gaiectl.checks.perf.prompts import Prompts

SERVER = (
    "# TYPE vllm:prefix_cache_queries counter\n"
    'vllm:prefix_cache_queries_total{{engine="0",model_name="a}}b"}} {queries}\n'
    'vllm:prefix_cache_hits_total{{engine="0",model_name="a}}b"}} {hits}\n'
    "vllm:prefix_cache_hits_created 1.7e9\n"
)


@given(st.integers(1, 300), st.floats(0, 1), st.integers(1, 9))
def test_prompts_have_their_length_and_share_their_beginnings(
    tokens: int, shared: float, prefixes: int
) -> None:
    made = Prompts(tokens, shared, prefixes, random.Random(1))
    prompts = [made.next().split() for _ in range(30)]
    common = round(tokens * shared)

    assert {len(prompt) for prompt in prompts} == {tokens}
    assert len({tuple(prompt[:common]) for prompt in prompts}) <= prefixes


def test_hits_are_what_the_counters_moved_by() -> None:
    before = of_server(SERVER.format(queries="1e3", hits=100))
    after = of_server(SERVER.format(queries="1.2e3", hits=250))

    assert between([before, None], [after, None]).part == 0.75
    assert between([before, None], [after, None]).told_by == 1


def test_a_server_that_began_anew_or_says_nonsense_is_left_out() -> None:
    before = of_server(SERVER.format(queries=1000, hits=100))
    anew = of_server(SERVER.format(queries=10, hits=1))
    nonsense = of_server(SERVER.format(queries="NaNo", hits=1))

    assert nonsense is None
    assert of_server(SERVER.format(queries="+Inf", hits="NaN")) is None
    assert between([before], [anew]).part is None
    assert between([before], [nonsense]).told_by == 0


def test_the_picker_tells_the_mean_of_its_ratios() -> None:
    text = (
        'inference_extension_prefix_indexer_hit_ratio_bucket{le="0.1"} 3\n'
        "inference_extension_prefix_indexer_hit_ratio_sum 2.5\n"
        "inference_extension_prefix_indexer_hit_ratio_count 5\n"
    )

    assert of_picker(text) == (2.5, 5.0)
    assert of_picker("") is None
