"""Layers of values."""

from hypothesis import given
from hypothesis import strategies as st

from gaiectl.stack.merge import merged

LAYERS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(st.integers(), lambda some: st.dictionaries(st.sampled_from("xyz"), some)),
)


def test_the_upper_layer_wins_field_by_field() -> None:
    below = {"a": {"x": 1, "y": [1]}, "b": 1}

    assert merged(below, {"a": {"y": [2]}, "c": 3}) == {
        "a": {"x": 1, "y": [2]},
        "b": 1,
        "c": 3,
    }
    assert below == {"a": {"x": 1, "y": [1]}, "b": 1}


@given(LAYERS, LAYERS)
def test_merging_the_upper_layer_again_changes_nothing(below: dict, above: dict) -> None:
    once = merged(below, above)

    assert merged(once, above) == once


@given(LAYERS)
def test_an_empty_layer_changes_nothing(layer: dict) -> None:
    assert merged(layer, {}) == merged({}, layer) == layer
