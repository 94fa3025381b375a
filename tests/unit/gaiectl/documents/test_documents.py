"""Documents survive the way through YAML, and stand in an order that can be applied."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.documents import (
    dump,
    identity,
    in_apply_order,
    in_namespace,
    load,
    refuse_twins,
)
from gaiectl.errors import GaieError

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(), some, max_size=3),
    max_leaves=12,
)


def thing(kind: str, name: str = "a", **metadata: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


@given(st.lists(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3), max_size=3))
def test_documents_come_back_as_they_were(documents: list[dict[str, object]]) -> None:
    assert load(dump(documents)) == documents


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "on",
        "n",
        "1e3",
        "0x10",
        "012",
        "1_000",
        "1:30",
        "2026-01-01",
        ".5",
        "-.5",
        "+.5e3",
        "~",
        "null",
        "-1",
    ],
)
def test_a_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    line = dump([{"value": text}]).splitlines()[1]

    assert line.removeprefix("value: ") in (f"'{text}'", f'"{text}"')


def test_a_date_is_a_text_as_in_kubernetes() -> None:
    assert load("created: 2026-01-01") == [{"created": "2026-01-01"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("22:22", "22:22"),
        ("1:30.5", "1:30.5"),
        ("=", "="),
        ("0x_", "0x_"),
        ("1e400", "1e400"),
        ("1e+06", 1000000),
        ("1.0007e+09", 1000700000),
        ("8000.0", 8000),
        ("0o644", 420),
        ("0644", 420),
        ("08", 8),
        ("1_000", 1000),
        (".5", 0.5),
        ("on", True),
        ("~", None),
    ],
)
def test_a_plain_word_is_what_kubectl_takes_it_for(text: str, value: object) -> None:
    (document,) = load(f"value: {text}")

    assert document["value"] == value
    assert type(document["value"]) is type(value)


def test_a_list_is_its_items() -> None:
    text = dump([{"apiVersion": "v1", "kind": "List", "items": [thing("Service"), thing("Role")]}])

    assert load(text) == [thing("Service"), thing("Role")]


def test_several_lines_stay_readable() -> None:
    assert dump([{"data": {"a.yaml": "x: 1\ny: 2\n"}}]) == (
        "---\ndata:\n  a.yaml: |\n    x: 1\n    y: 2\n"
    )


def test_what_stands_twice_is_written_out() -> None:
    labels = {"app": "a"}

    assert "&" not in dump([{"one": labels, "two": labels}])


def test_the_order_is_one_in_which_nothing_waits_for_something_later() -> None:
    kinds = ["HTTPRoute", "Deployment", "Gateway", "ServiceAccount", "ConfigMap", "InferencePool"]
    kinds += ["RoleBinding", "Role", "CustomResourceDefinition", "Namespace", "Service"]

    assert [document["kind"] for document in in_apply_order(map(thing, kinds))] == [
        *("Namespace", "CustomResourceDefinition", "ServiceAccount", "ConfigMap"),
        *("Role", "RoleBinding", "Service", "Deployment", "InferencePool", "Gateway", "HTTPRoute"),
    ]


def test_unknown_kinds_come_last_and_equal_kinds_keep_their_order() -> None:
    documents = [thing("Odd"), thing("Deployment", "b"), thing("Deployment", "a")]

    assert [identity(document).name for document in in_apply_order(documents)] == ["b", "a", "a"]


def test_a_namespace_is_written_where_it_belongs() -> None:
    documents = [thing("Service"), thing("ClusterRole"), thing("Service", namespace="own")]

    assert [identity(document).namespace for document in in_namespace(documents, "ns")] == [
        "ns",
        "",
        "own",
    ]


def test_one_object_rendered_twice_is_refused_by_name() -> None:
    documents = [thing("Service", namespace="ns"), thing("Service", namespace="ns")]

    with pytest.raises(GaieError, match="Service ns/a is rendered twice"):
        refuse_twins(documents)


def test_another_reader_sees_the_same() -> None:
    documents = [{"a": "line\n", "b": "- x", "c": "# no comment", "d": " spaced "}]

    assert list(yaml.safe_load_all(dump(documents))) == documents
