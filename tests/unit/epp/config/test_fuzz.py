"""Whatever the text, loading gives a configuration or a ConfigError with places."""

import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from epp.api.parameters import parameters_of
from epp.config import RELEASES, ConfigError, Problem, Release, load
from epp.config import check as check_for
from epp.config.codes import CODES
from epp.config.convert import convert
from epp.config.convert_text import NotConvertible
from epp.config.document import Document

VALID = [path.read_text() for path in sorted((Path(__file__).parent / "valid").iterdir())]

WORDS = ["", "~", "0", "-1", "1.5", ".inf", "1e999", "true", "queue-scorer", "default", "0x1f"]
MARKS = ["[]", "{}", "[[]]", "'", '"', "*a", "&a b", "!!int x", "!x y", "|\n a", "%YAML 1.1", "<<"]
SPACES = ["\t", "\n", "- ", ": ", "? ", "# ", "\x85", "---", "...", "\ufeff", "\U0001f600", "1:30"]
values = st.sampled_from([*WORDS, *MARKS, *SPACES])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return a valid text with a few pieces cut, doubled or replaced."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        text = text[:start] + draw(st.one_of(values, st.text(max_size=3))) + text[end:]
    return text


def problems(text: str) -> tuple[Problem, ...]:
    try:
        load(text, "epp.yaml")
    except ConfigError as error:
        return error.problems
    return ()


def check(text: str) -> None:
    lines = sum(text.count(end) for end in "\n\r\x85\u2028\u2029") + 2

    for problem in problems(text):
        assert problem.message
        assert problem.file == "epp.yaml"
        assert 1 <= problem.line <= lines
        assert problem.column >= 1


@settings(deadline=None, max_examples=300)
@given(mutated())
def test_damaged_configurations_give_no_traceback(text: str) -> None:
    check(text)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(), st.text(alphabet="[]{}:,-&*!|>?'\"#%@` \n\tab1"), st.lists(values).map("".join)
    )
)
def test_arbitrary_text_gives_no_traceback(text: str) -> None:
    check(text)


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = st.sampled_from([parameter.name for parameter in parameters_of(Document)])
entry_fields = st.sampled_from(["name", "type", "parameters", "plugins", "pluginRef", "weight"])


@settings(deadline=None, max_examples=80)
@given(
    st.dictionaries(
        fields, yaml_values | st.lists(st.dictionaries(entry_fields, yaml_values, max_size=4))
    )
)
def test_any_value_in_any_field_gives_no_traceback(document: dict[str, object]) -> None:
    check(json.dumps(document))


documents = st.dictionaries(
    fields, yaml_values | st.lists(st.dictionaries(entry_fields, yaml_values, max_size=4))
).map(json.dumps)


@settings(deadline=None, max_examples=60)
@given(mutated() | documents, st.sampled_from([*RELEASES.values()]))
def test_every_release_judges_any_text(text: str, release: Release) -> None:
    for problem in check_for(text, "epp.yaml", release):
        assert problem.message
        assert problem.code in CODES


@settings(deadline=None, max_examples=50)
@example('{"apiVersion": [], "featureGates": 1}', "python")
@example(
    "%YAML 1.1\n---\nfeatureGates: &a []\nplugins: &a [{type: queue-scorer, of: 1e3}]", "python"
)
@given(mutated() | documents, st.sampled_from(["python", "gaie-1.5", "llm-d-0.9"]))
def test_any_text_is_converted_or_refused(text: str, release: str) -> None:
    try:
        made = convert(text, RELEASES[release], flags=["--pool-group"], environment={"A": ""})
    except NotConvertible:
        return

    assert made.text
