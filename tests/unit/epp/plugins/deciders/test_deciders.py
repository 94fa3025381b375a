"""Who says that a request is to be split."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.api.data import PrefixMatch, Tokens, publish
from epp.api.endpoint import Endpoint
from epp.api.request import Request
from epp.plugins.deciders.always_disagg_multimodal import AlwaysDisaggMultimodalDecider
from epp.plugins.deciders.prefix_based_pd import PrefixBasedPdDecider

HERE = Endpoint("a", "default", "10.0.0.1", 8000, slot=3)


def request(tokens: int, cached_blocks: float | None, block_tokens: int = 16) -> Request:
    made = Request("id", {}, "m", "m")
    publish(made, "tokens", Tokens([range(tokens)]))
    if cached_blocks is not None:
        publish(made, "cache", PrefixMatch({3: cached_blocks}, 9, block_tokens))
    return made


@given(
    tokens=st.integers(0, 2000),
    cached=st.integers(0, 100),
    least=st.integers(0, 300),
    not_cached=st.integers(0, 300),
)
def test_the_rule_of_the_threshold(tokens: int, cached: int, least: int, not_cached: int) -> None:
    decider = PrefixBasedPdDecider(not_cached, least)

    decided = decider.disaggregates(request(tokens, cached), HERE)

    assert decided == (
        not_cached > 0
        and tokens >= least
        and tokens >= not_cached
        and tokens - cached * 16 >= not_cached
    )


def test_nothing_known_of_the_cache_is_no_reason_to_prefill_elsewhere() -> None:
    assert not PrefixBasedPdDecider(1).disaggregates(request(5000, None), HERE)


def test_before_a_decode_endpoint_is_chosen_nothing_can_be_said() -> None:
    assert not PrefixBasedPdDecider(1).disaggregates(request(5000, 0), None)


def test_the_producer_can_be_named(ask: Callable[..., Request]) -> None:
    made = ask(prompt="x" * 4000)
    publish(made, "first", PrefixMatch({3: 60}, 60, 16))
    publish(made, "second", PrefixMatch({}, 60, 16))

    assert not PrefixBasedPdDecider(500).disaggregates(made, HERE)
    assert PrefixBasedPdDecider(500, 0, "second").disaggregates(made, HERE)


@pytest.mark.parametrize(
    ("body", "is_multimodal"),
    [
        (None, False),
        ({}, False),
        ({"prompt": "hi"}, False),
        ({"messages": "hi"}, False),
        ({"messages": [1, None, {"content": 7}, {"content": [None, {"type": "text"}]}]}, False),
        ({"messages": [{"content": [{"type": ["image_url"]}]}]}, False),
        ({"messages": [{"content": [{"type": "text"}, {"type": "image_url"}]}]}, True),
        ({"messages": [{"content": "x"}, {"content": [{"type": "audio_url"}]}]}, True),
        ({"messages": [{"content": [{"type": "video_url"}]}]}, True),
        ({"messages": [{"content": [{"type": "input_audio"}]}]}, True),
    ],
)
def test_a_chat_with_more_than_text_in_it_is_multimodal(body: Any, is_multimodal: bool) -> None:
    made = Request("id", {}, "m", "m", body=body)

    assert AlwaysDisaggMultimodalDecider().disaggregates(made, None) is is_multimodal
