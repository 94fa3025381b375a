import json

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from epp.api.errors import Refusal
from epp.parsing.models import rewrite_model


def rewrite(body: bytes, model: str) -> bytes:
    return rewrite_model(body, orjson.loads(body), model)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a","n":1}', b'{"model":"b","n":1}'),
        (b'{ "n": 1.0,\n "model" : "a" }', b'{ "n": 1.0,\n "model" : "b" }'),
        (
            b'{"n":12345678901234567890123,"x":1e300,"model":"a"}',
            b'{"n":12345678901234567890123,"x":1e300,"model":"b"}',
        ),
        (b'{"tools":[{"model":"a"}],"model":"a"}', b'{"tools":[{"model":"a"}],"model":"b"}'),
        (b'{"model":"a","x":{"model":"a"}}', b'{"model":"b","x":{"model":"a"}}'),
        (
            b'{"prompt":"say \\"model\\":\\"a\\"","model":"a"}',
            b'{"prompt":"say \\"model\\":\\"a\\"","model":"b"}',
        ),
        (b'{"x":"\\"model\\"","model":"a\\"\\\\"}', b'{"x":"\\"model\\"","model":"b"}'),
        (b'{"mod\\u0065l":"a","n":1}', b'{"model":"b","n":1}'),
        (b'{"a\\"model":"a","model":"a"}', b'{"a\\"model":"a","model":"b"}'),
        (
            b'{"x":{"model":"a","model":"c"},"model":"a"}',
            b'{"x":{"model":"a","model":"c"},"model":"b"}',
        ),
        (b'{"mod\\u0065l":"x","model":"last"}', b'{"model":"b"}'),
        (b'{"model":"first","n":1,"model":"last"}', b'{"model":"b","n":1}'),
    ],
)
def test_only_the_model_changes(body: bytes, expected: bytes) -> None:
    assert rewrite(body, "b") == expected


def test_the_new_name_is_written_as_json() -> None:
    assert rewrite(b'{"model":"a"}', 'q"\\ü') == '{"model":"q\\"\\\\ü"}'.encode()


def test_a_body_full_of_look_alikes_is_encoded_anew() -> None:
    tree = {"tools": [{"model": "a"}] * 100, "model": "a"}

    assert orjson.loads(rewrite(json.dumps(tree).encode(), "b")) == {**tree, "model": "b"}


@pytest.mark.parametrize("depth", [300, 1000])
def test_deep_nesting_is_no_problem_where_the_body_can_be_spliced(depth: int) -> None:
    body = b'{"model":"a","x":' + b"[" * depth + b"]" * depth + b"}"

    assert rewrite(body, "b") == body.replace(b'"a"', b'"b"')


def test_a_deep_body_that_must_be_encoded_anew_is_refused() -> None:
    body = b'{"model":"a","x":' + b"[" * 500 + b"]" * 500 + b',"model":"b"}'

    with pytest.raises(Refusal, match="nested too deeply"):
        rewrite(body, "c")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(alphabet='model":a\\ü{}'),
    lambda children: (
        st.lists(children) | st.dictionaries(st.sampled_from(["model", "a"]), children)
    ),
    max_leaves=10,
)


@given(
    before=st.dictionaries(st.text(alphabet="abm", min_size=1), JSON, max_size=3),
    model=st.text(alphabet='model":a\\ü{}'),
    target=st.text(alphabet='model":a\\ü{}'),
    after=st.dictionaries(st.text(alphabet="cdm", min_size=1), JSON, max_size=3),
    indent=st.sampled_from([None, 1]),
)
def test_any_body_decodes_to_the_same_with_another_model(
    before: dict[str, object],
    model: str,
    target: str,
    after: dict[str, object],
    indent: int | None,
) -> None:
    assume(not before.keys() & after.keys())
    tree = {**before, "model": model, **after}
    body = json.dumps(tree, indent=indent, ensure_ascii=False).encode()

    rewritten = rewrite(body, target)

    assert list(orjson.loads(rewritten).items()) == list({**tree, "model": target}.items())
