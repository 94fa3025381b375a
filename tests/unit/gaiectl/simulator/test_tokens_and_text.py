"""Tokens and answers: lossless, repeatable, of the length asked for."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.simulator import tokens
from gaiectl.simulator.text import answer_length, echoed, random_answer, stopped

LAW = settings(max_examples=60)


@LAW
@given(st.text())
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text


@LAW
@given(st.text())
def test_ids_depend_on_the_text_alone_and_stay_in_the_vocabulary(text: str) -> None:
    found = tokens.encode(text)

    assert found == tokens.encode(text)
    assert all(0 <= token < tokens.VOCABULARY for token in found)


def test_ids_are_the_same_on_every_machine() -> None:
    assert tokens.encode("a The cat") == [97, 149831, 104862]


def test_a_long_run_without_spaces_is_many_tokens() -> None:
    assert len(tokens.encode("x" * 1200)) == 100


def test_a_message_of_blocks_is_its_text() -> None:
    blocks = [{"type": "text", "text": "look: "}, {"type": "image_url", "image_url": {"url": "x"}}]

    assert tokens.content_text(blocks) == "look: <image_url>"


@LAW
@given(st.integers(1, 500), st.booleans(), st.integers())
def test_an_answer_is_never_longer_than_its_limit(limit: int, limited: bool, seed: int) -> None:
    rng = random.Random(seed)

    assert 1 <= answer_length(rng, limit=limit, limited_by_user=limited) <= limit
    output = random_answer(rng, limit=limit, limited_by_user=limited)
    assert 1 <= len(output.pieces) <= limit
    assert output.finish_reason == ("length" if len(output.pieces) == limit else "stop")


@LAW
@given(st.integers(1, 300))
def test_ignoring_the_end_gives_the_exact_length(limit: int) -> None:
    output = random_answer(random.Random(), limit=limit, limited_by_user=True, exact=True)

    assert (len(output.pieces), output.finish_reason) == (limit, "length")


def test_lengths_follow_the_six_buckets() -> None:
    rng = random.Random(1)
    lengths = [answer_length(rng, limit=200, limited_by_user=True) for _ in range(10_000)]
    edges = [0, 20, 40, 60, 160, 180, 200]
    shares = [
        sum(low < length <= high for length in lengths) / 10_000 for low, high in pairwise(edges)
    ]

    assert shares == pytest.approx([0.2, 0.3, 0.2, 0.05, 0.1, 0.15], abs=0.02)


def test_a_seed_repeats_answers() -> None:
    first, second = (
        random_answer(random.Random(7), limit=50, limited_by_user=True) for _ in range(2)
    )

    assert first == second


def test_an_echo_is_cut_at_its_limit() -> None:
    assert echoed("one two three", limit=10).text == "one two three"
    assert echoed("one two three", limit=2).text == "one two"


def test_an_answer_ends_before_a_stop_sequence() -> None:
    output = stopped(echoed("one two. three. four", limit=10), ["four", ". t"])

    assert (output.text, output.finish_reason) == ("one two", "stop")
