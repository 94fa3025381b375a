"""What Go says of broken JSON: sentences of encoding/json, as Go 1.26 was seen to write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epp.parsing.go_errors import go_error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", "unexpected end of JSON input"),
        (b" ", "unexpected end of JSON input"),
        (b'{"a"', "unexpected end of JSON input"),
        (b'{"a":1,"b":[true, "x', "unexpected end of JSON input"),
        (b"no healthy upstream", "invalid character 'o' in literal null (expecting 'u')"),
        (b"tru", "invalid character ' ' in literal true (expecting 'e')"),
        (b"-", "invalid character ' ' in numeric literal"),
        (b"[1.]", "invalid character ']' after decimal point in numeric literal"),
        (b"[1e+]", "invalid character ']' in exponent of numeric literal"),
        (b"01", "invalid character '1' after top-level value"),
        (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a":"\\x"}', "invalid character 'x' in string escape code"),
        (b'{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"),
        (b'{"a":"\n"}', "invalid character '\\n' in string literal"),
        (b'{"a":\\}', "invalid character '\\\\' looking for beginning of value"),
        (b"\x00", "invalid character '\\x00' looking for beginning of value"),
        (b"\xad", "invalid character '\\u00ad' looking for beginning of value"),
        (b"\xe9", "invalid character 'é' looking for beginning of value"),
        (b"[1]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (b'"x"', "json: cannot unmarshal string into Go value of type map[string]interface {}"),
        (b"-1.5", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
        (b"true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
        (b"null", ""),
        (b'{"a":"\xff"}', ""),
    ],
)
def test_a_broken_text_is_told_in_gos_words(text: bytes, error: str) -> None:
    assert go_error(text) == error


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=3), st.booleans(), st.data())
def test_what_is_no_object_has_an_error_and_an_object_has_none(
    value: dict[str, object], is_ascii: bool, data: st.DataObject
) -> None:
    whole = json.dumps(value, ensure_ascii=is_ascii, indent=1).encode("utf-8", "surrogatepass")
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    assert go_error(whole) == ""
    assert go_error(cut)
    assert go_error(whole + b"x") == "invalid character 'x' after top-level value"


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[" + b"1," * 600_000, b'"' + b"a" * 2_000_000])
def test_nobody_looks_for_an_error_that_is_far_away(text: bytes) -> None:
    assert go_error(text) == ""
