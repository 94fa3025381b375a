"""What the chart needs of Jinja becomes Go; all else is refused, never guessed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

GENERATOR = Path(__file__).parents[4] / ".ci" / "generate" / "envoy.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_envoy", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("jinja", "go"),
    [
        ("port: {{ port }}", "port: {{ .port }}"),
        ("port: {{ epp.port }}", "port: {{ .epp.port }}"),
        ("name: {{ epp.name | json }}", "name: {{ toJson .epp.name }}"),
        ("over: {{ limit + 1 }}", "over: {{ add .limit 1 }}"),
        (
            'allow: {{ (open or mode == "buffered") | json }}',
            'allow: {{ toJson (or .open (eq .mode "buffered")) }}',
        ),
        ("a\n{%- if not open %}\nb\n{%- endif %}", "a\n{{- if not .open }}\nb\n{{- end }}"),
        (
            "a\n{%- if x and y %}\nb\n{%- else %}\nc\n{%- endif %}",
            "a\n{{- if and .x .y }}\nb\n{{- else }}\nc\n{{- end }}",
        ),
    ],
)
def test_a_construct_of_both_languages_is_translated(
    generator: ModuleType, jinja: str, go: str
) -> None:
    assert generator.translated(jinja, {}) == go


@pytest.mark.parametrize(
    ("jinja", "text"),
    [
        ("over: {{ limit + 1 }}", "over: 8"),
        ("a{% if limit == 7 %}b{% else %}c{% endif %}", "ab"),
        ("{% for name in names %}<{{ name | json }}>{% endfor %}", '<"x"><"y">'),
        ("{% for name in names %}{{ name }}={{ limit }} {% endfor %}", "x=7 y=7 "),
    ],
)
def test_what_is_constant_is_evaluated(generator: ModuleType, jinja: str, text: str) -> None:
    assert generator.translated(jinja, {"limit": 7, "names": ["x", "y"]}) == text


def test_a_constant_beside_a_field_is_written_as_a_literal(generator: ModuleType) -> None:
    go = generator.translated("{{ (mode == wanted) | json }}", {"wanted": "duplex"})

    assert go == '{{ toJson (eq .mode "duplex") }}'


def test_braces_of_the_text_are_not_taken_for_go(generator: ModuleType) -> None:
    go = generator.translated("{{ text }}{% raw %}{{ x }}{% endraw %}", {"text": "{{ y }}"})

    assert go == '{{ "{{" }} y }}{{ "{{" }} x }}'


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ name | upper }}",
        "{{ name | json(1) }}",
        "{{ f() }}",
        "{{ a[0] }}",
        "{{ a - 1 }}",
        "{{ a ~ b }}",
        "{{ a < b }}",
        "{{ a if b else c }}",
        "{{ a is defined }}",
        "{% for x in unknown %}{% endfor %}",
        "{% for a, b in pairs %}{% endfor %}",
        "{% for a in pairs if a %}{% endfor %}",
        "{% if a %}x{% elif b %}y{% endif %}",
        "{% set a = 1 %}",
        "{% macro a() %}{% endmacro %}",
        '{% include "x" %}',
    ],
)
def test_any_other_construct_is_refused_with_its_place(generator: ModuleType, jinja: str) -> None:
    with pytest.raises(generator.Untranslatable, match=r"bootstrap\.yaml\.j2:2: cannot translate"):
        generator.translated(f"text\n{jinja}", {"pairs": [(1, 2)]})


def test_a_statement_that_would_take_the_space_before_it_is_refused(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="in the source"):
        generator.translated("a \n{% if b %}c{% endif %}", {})
