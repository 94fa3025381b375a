"""A schema's complaints stand at their place and say what to write instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.reading.source import UNUSABLE, parse
from gaiectl.validation.partial import Partial
from gaiectl.validation.schema import Schema, UnusableSchema, path_of

PORT = {"title": "a port, 1 to 65535", "type": ["integer", "string"], "maximum": 65535}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "epp": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "replicas": {"type": "integer", "minimum": 1, "description": "How many pods."},
                "port": {**PORT, "pattern": "^[0-9]+$"},
                "enabled": {"type": "boolean"},
                "server": {"enum": ["vllm", "sglang", "", None]},
                "interval": {"type": "string", "pattern": "^[0-9]+s$", "description": "Seconds."},
            },
        },
        "ports": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {
                "type": "object",
                "required": ["number"],
                "additionalProperties": False,
                "properties": {"number": {"type": "integer", "description": "On the pods."}},
            },
        },
        "flags": {
            "type": "object",
            "propertyNames": {"title": "a name without dashes in front", "pattern": "^[a-z]"},
        },
        "provider": {
            "anyOf": [
                {"type": "object", "properties": {"name": {"$ref": "#/definitions/provider"}}},
                {"$ref": "#/definitions/provider"},
            ]
        },
        "pool": {"type": ["object", "null"]},
    },
    "definitions": {"provider": {"enum": ["none", "gke", "istio"]}},
}


def complaints(text: str) -> list[str]:
    source = parse(text, "v.yaml")
    Schema(SCHEMA).check(source.value, source)
    return [str(problem) for problem in source.problems]


MISTAKES = """\
epp: {replicsa: 3}
    1:7: epp.replicsa: unknown field 'replicsa' (did you mean 'replicas'?)
replicas: 3
    1:1: replicas: unknown field 'replicas' (did you mean 'epp.replicas'?)
zebra: 1
    1:1: zebra: unknown field 'zebra' (known: epp, flags, pool, ports, provider)
epp: {replicas: abc}
    1:17: epp.replicas: wanted a whole number, got the text 'abc'
epp: {enabled: 'no'}
    1:16: epp.enabled: wanted true or false, got the text 'no'
epp: {enabled: 1}
    1:16: epp.enabled: wanted true or false, got the number 1
epp: []
    1:6: epp: wanted a map, got a list
epp:
    1:5: epp: wanted a map, got nothing
ports: {number: 1}
    1:8: ports: wanted a list, got a map
epp: {replicas: 0}
    1:17: epp.replicas: 0 is below the minimum 1
epp: {port: 70000}
    1:13: epp.port: 70000 is above the maximum 65535
epp: {port: true}
    1:13: epp.port: wanted a port, 1 to 65535, got the value true
epp: {port: x}
    1:13: epp.port: 'x' does not fit (wanted: a port, 1 to 65535)
epp: {interval: 1m}
    1:17: epp.interval: '1m' does not fit (wanted: Seconds.)
epp: {server: vlm}
    1:15: epp.server: 'vlm' is none of vllm, sglang (did you mean 'vllm'?)
epp: {server: tgi}
    1:15: epp.server: 'tgi' is none of vllm, sglang
ports: [{}]
    1:9: ports[0]: field 'number' is missing (On the pods.)
ports: [{numbr: 1}]
    1:10: ports[0].numbr: unknown field 'numbr' (did you mean 'number'?)
ports: []
    1:8: ports: is empty
ports: [{number: 1}, {number: 2}, {number: 3}]
    1:8: ports: has more than 2 items
flags: {--v: 4}
    1:9: flags.--v: '--v' does not fit (wanted: a name without dashes in front)
provider: gkee
    1:11: provider: 'gkee' is none of none, gke, istio (did you mean 'gke'?)
provider: {name: isto}
    1:18: provider.name: 'isto' is none of none, gke, istio (did you mean 'istio'?)
""".splitlines()
"""A text, and below it what is said of it."""


@pytest.mark.parametrize(
    ("text", "expected"), list(zip(MISTAKES[::2], MISTAKES[1::2], strict=True)), ids=MISTAKES[::2]
)
def test_a_mistake_is_named_with_its_place(text: str, expected: str) -> None:
    assert complaints(text) == [f"v.yaml:{expected.strip()}"]


def test_all_mistakes_are_named_at_once() -> None:
    assert len(complaints("epp: {replicsa: 1, port: x, enabled: 7}\nports: [{}, 5]\nx: 1")) == 6


def test_what_fits_raises_no_complaint() -> None:
    text = "epp: {replicas: 2, port: '80', server: , interval: 3s}\nprovider: gke\npool:"

    assert complaints(text) == []


def test_a_value_that_could_not_be_read_is_complained_of_once() -> None:
    assert complaints("epp: {port: .inf}") == [
        "v.yaml:1:13: epp.port: '.inf' is not a usable value"
    ]


def test_nothing_is_said_of_an_unusable_part() -> None:
    assert Schema(SCHEMA).findings({"epp": UNUSABLE, "ports": [UNUSABLE]}) == []


SOMEBODYS: dict[str, Any] = {
    "required": ["image"],
    "properties": {
        "image": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "items": {"minItems": 2, "items": {"required": ["name"]}},
        "source": {"anyOf": [{"required": ["git"]}, {"required": ["file"]}]},
    },
    "if": {"properties": {"kind": {"const": "a"}}},
    "then": {"properties": {"items": {"maxItems": 0}}},
}


@pytest.mark.parametrize(
    ("value", "partial", "expected"),
    [
        ({}, Partial.NOTHING, ["field 'image' is missing"]),
        ({}, Partial.FIELDS, []),
        ({"image": None}, Partial.FIELDS, []),
        ({"image": 1}, Partial.FIELDS, ["wanted a text, got the number 1"]),
        ({"source": {}}, Partial.FIELDS, []),
        ({"kind": "c"}, Partial.FIELDS, ["'c' is none of a, b"]),
        ({"items": [{"name": 1}, {}]}, Partial.FIELDS, ["field 'name' is missing"]),
        ({"items": [{"name": 1}]}, Partial.FIELDS, ["has fewer than 2 items"]),
        ({"items": [{}]}, Partial.ITEMS, []),
    ],
)
def test_only_what_can_no_longer_be_mended_is_a_mistake(
    value: Any, partial: Partial, expected: list[str]
) -> None:
    found = Schema(SOMEBODYS).findings(value, partial)

    assert [finding.message for finding in found] == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"properties": {"a": {"pattern": "("}}},
        {"$ref": "https://example.com/schema.json"},
    ],
)
def test_a_schema_that_is_none_or_lies_elsewhere_is_unusable(schema: dict[str, Any]) -> None:
    with pytest.raises(UnusableSchema):
        Schema(schema).findings({})


@pytest.mark.parametrize(
    "dialect",
    ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"],
)
def test_both_dialects_are_understood(dialect: str) -> None:
    (finding,) = Schema({**SCHEMA, "$schema": dialect}).findings({"epp": {"replicas": 0}})

    assert finding.path == "epp.replicas"


def test_paths_are_written_as_the_reader_writes_them() -> None:
    assert path_of(["ports", 0, "number"]) == "ports[0].number"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NAMES = st.sampled_from([*SCHEMA["properties"], *SCHEMA["properties"]["epp"]["properties"], "x"])


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_any_value_is_judged_in_plain_words(value: Any) -> None:
    for finding in Schema(SCHEMA).findings(value):
        assert finding.message
        assert "propert" not in finding.message
        assert "schema" not in finding.message
