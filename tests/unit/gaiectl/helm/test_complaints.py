"""What Helm 3.15 and 4.3 write to stderr, and what is left of it for the user."""

import pytest

from gaiectl.helm.errors import explained

ADVICE = "\n\nUse --debug flag to render out invalid YAML\n"
SCHEMA = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n"

CASES = {
    "a template's own sentence": (
        (
            "Error: execution error at (standalone/templates/validate.yaml:2:35): "
            f"inferenceExtension.flags.zap: unknown flag, did you mean zip?{ADVICE}"
        ),
        "inferenceExtension.flags.zap: unknown flag, did you mean zip?",
    ),
    "warnings before it do not count": (
        (
            'level=INFO msg="warning: skipped value for a.port: Not a table."\n'
            f"Error: execution error at (a/templates/a.yaml:3:34): selector: which pods?{ADVICE}"
        ),
        "selector: which pods?",
    ),
    "Helm 3 on a nil pointer": (
        (
            'Error: template: a/templates/a.yaml:4:41: executing "a/templates/a.yaml" at '
            f"<.Values.a.b.c>: nil pointer evaluating interface {{}}.b{ADVICE}"
        ),
        "a/templates/a.yaml:4:41 at .Values.a.b.c: nil pointer evaluating interface {}.b",
    ),
    "Helm 4 on a nil pointer": (
        (
            'Error: a/templates/a.yaml:4:41\n  executing "a/templates/a.yaml" at <.Values.a.b.c>:\n'
            f"    nil pointer evaluating interface {{}}.b{ADVICE}"
        ),
        "a/templates/a.yaml:4:41 at .Values.a.b.c: nil pointer evaluating interface {}.b",
    ),
    "a template that renders no YAML": (
        (
            "Error: YAML parse error on a/templates/a.yaml: error converting YAML to JSON: yaml: "
            f"line 8: mapping values are not allowed in this context{ADVICE}"
        ),
        (
            "a/templates/a.yaml renders something that is not YAML: "
            "line 8: mapping values are not allowed in this context"
        ),
    ),
    "a Helm from before an option of ours": (
        "Error: unknown flag: --skip-crds\n",
        "this helm does not know --skip-crds: it is too old",
    ),
    "a template that is none": (
        f'Error: parse error at (a/templates/b.yaml:1): function "foo" not defined{ADVICE}',
        'a/templates/b.yaml:1: function "foo" not defined',
    ),
    "Helm 3 on one value": (
        f"{SCHEMA}a:\n- port: Invalid type. Expected: integer, given: string\n\n",
        "CHART does not accept these values: port: invalid type. Expected: integer, given: string",
    ),
    "Helm 4 on one value": (
        f"{SCHEMA}a:\n- at '/port': got string, want integer\n\n",
        "CHART does not accept these values: port: got string, want integer",
    ),
    "Helm 3 on a key at the top": (
        f"{SCHEMA}a:\n- (root): Additional property bad is not allowed\n\n",
        "CHART does not accept these values: additional property bad is not allowed",
    ),
    "a schema that is none": (
        f"{SCHEMA}a:\ninvalid character '}}' looking for beginning of value\n\n",
        (
            "the values schema of CHART cannot be used: "
            "a:\ninvalid character '}' looking for beginning of value"
        ),
    ),
    "Helm 4 on a values file": (
        (
            "Error: failed to parse bad.yaml: cannot unmarshal yaml document: error converting "
            "YAML to JSON: yaml: line 2: mapping values are not allowed in this context\n"
        ),
        "bad.yaml is not a map of values: line 2: mapping values are not allowed in this context",
    ),
    "a values file that is a list": (
        (
            "Error: failed to parse list.yaml: error unmarshaling JSON: while decoding JSON: json: "
            "cannot unmarshal array into Go value of type map[string]interface {}\n"
        ),
        (
            "list.yaml is not a map of values: "
            "json: cannot unmarshal array into Go value of type map[string]interface {}"
        ),
    ),
    "a values file that is not there": (
        "Error: open no,pe.yaml: no such file or directory\n",
        "no,pe.yaml: no such file or directory",
    ),
    "an assignment without a value": (
        'Error: failed parsing --set data: key "x" has no value\n',
        '--set cannot be read: key "x" has no value',
    ),
    "a folder without a chart, Helm 3": (
        "Error: Chart.yaml file is missing\n",
        "CHART is not a chart",
    ),
    "a folder without a chart, Helm 4": (
        (
            "Error: unable to detect chart at /b/Chart.yaml: open /b/Chart.yaml: "
            "no such file or directory\n"
        ),
        "CHART is not a chart",
    ),
    "a chart without its library": (
        (
            "Error: An error occurred while checking for chart dependencies. You may need to run "
            "`helm dependency build` to fetch missing dependencies: found in Chart.yaml, but "
            "missing in charts/ directory: epplib\n"
        ),
        "CHART lacks the charts it depends on: epplib",
    ),
    "a chart for another Kubernetes": (
        (
            "Error: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes "
            f"v1.37.0{ADVICE}"
        ),
        "CHART needs Kubernetes >=1.99, this is v1.37.0",
    ),
    "anything else, without what comes before": (
        'level=ERROR msg="release name check failed"\nError: release name check failed: no\n',
        "helm cannot use CHART: release name check failed: no",
    ),
    "nothing at all": ("", "helm cannot use CHART: exit code 1"),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES)
def test_the_sentence_that_matters_is_left(said: str, expected: str) -> None:
    error = explained(1, said, "CHART")

    assert error.message == expected
    assert error.hint


@pytest.mark.parametrize(
    "said",
    [
        (
            f"{SCHEMA}a:\n- (root): Additional property bad is not allowed\n"
            "- nest.list.0: name is required\n"
        ),
        (
            f"{SCHEMA}a:\n- at '': additional property bad is not allowed\n"
            "- at '/nest': validation failed\n  - at '/nest/list/0': name is required\n"
        ),
    ],
    ids=["Helm 3", "Helm 4"],
)
def test_values_that_break_the_schema_are_listed_with_their_paths(said: str) -> None:
    error = explained(1, said, "CHART")

    assert error.message == "CHART does not accept 2 of the values"
    assert error.detail.splitlines() == [
        "additional property bad is not allowed",
        "nest.list.0: name is required",
    ]


def test_a_helm_that_was_killed_says_by_what() -> None:
    assert "SIGKILL" in explained(-9, "", "CHART").message
