"""``<<`` takes in the fields of other maps where a reader allows it."""

import pytest
import yaml

from epp.reading.source import parse

SHARED = """\
small: &small {cpu: 100m, memory: 128Mi}
large: &large {<<: *small, memory: 1Gi}
"""


@pytest.mark.parametrize(
    "field",
    [
        "a: {<<: *small}",
        "a: {<<: *large}",
        "a: {<<: *small, cpu: 1}",
        "a: {cpu: 1, <<: *small}",
        "a: {<<: [*large, *small]}",
        "a: {<<: [*small, *large], disk: 1}",
        "a: {<<: {cpu: 2}}",
    ],
)
def test_merged_maps_read_as_yaml_has_it(field: str) -> None:
    text = SHARED + field
    source = parse(text, "values.yaml", merge_keys=True)

    assert source.problems == []
    assert source.value == yaml.safe_load(text)


def test_a_merged_value_stands_where_it_is_written() -> None:
    source = parse(SHARED + "a: {<<: *large}", "values.yaml", merge_keys=True)

    assert source.line("a.memory") == 2
    assert source.line("a.cpu") == 1


def test_only_maps_can_be_merged() -> None:
    source = parse("a: {<<: 5}", "values.yaml", merge_keys=True)

    (problem,) = source.problems
    assert str(problem).startswith("values.yaml:1:5: a.<<: only maps can be merged")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("[" + ", ".join(["*a{}"] * 9) + "]", "more than 10000 values, aliases expanded"),
        ("*a{}", "nested deeper than 40 levels"),
    ],
)
def test_merging_stays_bounded(fields: str, message: str) -> None:
    lines = [f"a{i}: &a{i} {{<<: {fields.replace('{}', str(i - 1))}}}" for i in range(1, 60)]
    source = parse("\n".join(["a0: &a0 {x: 1}", *lines]), "values.yaml", merge_keys=True)

    assert [problem.message for problem in source.problems] == [message]


def test_merge_keys_are_refused_where_they_are_not_asked_for() -> None:
    source = parse(SHARED, "config.yaml")

    assert [problem.message for problem in source.problems] == ["merge keys are not supported"]
