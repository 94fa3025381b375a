"""Values files and --set are judged before Helm sees them."""

import json
import shlex
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.assets import folder
from gaiectl.errors import Exit, GaieError
from gaiectl.plan import Assignment
from gaiectl.validation.problems import InvalidInput
from gaiectl.validation.values import check_assignments, check_values_files, schema_of

CHARTS = ("gateway", "inferencepool", "modelservice", "standalone")
CASES = sorted(
    path.parent
    for path in (Path(__file__).parents[3] / "golden" / "charts").glob("*/documents.yaml")
)
"""Values with which Helm renders a chart of ours."""

TYPO = "unknown field 'replicsa' (did you mean 'replicas'?)"

Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def schema() -> Any:
    return schema_of(folder("charts") / "inferencepool")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(text: str) -> Path:
        path = tmp_path / f"values{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text)
        return path

    return file


def complaints(files: list[Path], schema: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        check_values_files(files, schema)
    assert caught.value.code is Exit.USAGE
    return [str(problem) for problem in caught.value.problems]


def set_complaints(texts: list[str], schema: Any, *, as_string: bool = False) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        check_assignments([Assignment(text=text, as_string=as_string) for text in texts], schema)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("chart", CHARTS)
def test_the_defaults_of_a_chart_are_valid(chart: str) -> None:
    path = folder("charts") / chart

    check_values_files([path / "values.yaml"], schema_of(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "inferenceExtension:\n  # all of it commented out\n",
        "inferenceExtension: {flags: [{name: v, value: 3}, {name: tracing}]}",
        "inferenceExtension: {flags: {v: 3, secure-serving: false, cert-path: null}}",
        "inferenceExtension: {replicas: '3', extProcPort: '9100', pluginsCustomConfig: }",
        "inferenceExtension: {image: {hub: ghcr.io/llm-d, name: epp, tag: v0.4}}",
        "inferenceExtension: {affinity: {anything: {goes: [here]}}, tolerations: [{key: a}]}",
        "inferencePool: {modelServers: {matchLabels: {app: a, gpu: 1, ready: true}}}",
        "provider: gke",
        "provider:",
        "provider: {name: GKE, istio: }",
        "istio: {destinationRule: {trafficPolicy: }}",
        "global: {imageRegistry: mirror}",
        "inferenceExtension: {nodeSelector: &x {a: b}, podLabels: {<<: *x, c: d}}",
    ],
)
def test_what_upstream_users_write_is_accepted(text: str, write: Write, schema: Any) -> None:
    check_values_files([write(text)], schema)


def test_mistakes_of_all_files_are_named_with_file_line_and_column(
    write: Write, schema: Any
) -> None:
    first = write("inferenceExtension:\n  replicsa: 3\n")
    second = write("inferencePool:\n  targetPorts:\n    - number: 70000\n")

    assert complaints([first, second], schema) == [
        f"{first}:2:3: inferenceExtension.replicsa: {TYPO}",
        f"{second}:3:15: inferencePool.targetPorts[0].number: 70000 is above the maximum 65535",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inferencePool: {replicas: 3}", "did you mean 'inferenceExtension.replicas'?"),
        (
            "inferenceExtension: {image: {tag: 1.10}}",
            "one that looks like a number stands in quote",
        ),
        ("inferenceExtension: {env: [{name: A, value: true}]}", "true, false and numbers stand in"),
        ("provider: {name: kgatway}", "did you mean 'kgateway'?"),
        ("inferenceExtension: {resources: {limits: {cpu: 1 core}}}", "a Kubernetes quantity such"),
        ("a: {b: 1}\na: {c: 2}", "'a' is given twice"),
        ("a: [1", "not valid YAML"),
        ("- 1", "values are a map of names to values"),
    ],
)
def test_the_complaint_says_what_to_write(
    text: str, expected: str, write: Write, schema: Any
) -> None:
    assert any(expected in complaint for complaint in complaints([write(text)], schema))


def test_a_file_that_is_not_there_is_named(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(GaieError, match=r"values file .*missing\.yaml: no such file") as caught:
        check_values_files([tmp_path / "missing.yaml"], schema)

    assert not isinstance(caught.value, InvalidInput)


def test_a_file_that_is_not_text_is_named(tmp_path: Path, schema: Any) -> None:
    (tmp_path / "v.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(GaieError, match=r"v\.yaml is not text in UTF-8"):
        check_values_files([tmp_path / "v.yaml"], schema)


MISTAKES = r"""
inferenceExtension.replicsa=3
    inferenceExtension.replicsa: unknown field 'replicsa' (did you mean 'replicas'?)
inferenceExtension.image.repository.x=3
    inferenceExtension.image.repository: wanted a part of an image reference, without tag and \
    without blanks, got a map (write \. for a dot that belongs to a name)
inferenceExtension.latencyPredictor.eppEnv.A.B=true
    inferenceExtension.latencyPredictor.eppEnv.A: wanted a text, a number, true or false, got a \
    map (write \. for a dot that belongs to a name)
inferencePool.targetPorts[1].numbr=1
    inferencePool.targetPorts[1].numbr: unknown field 'numbr' (did you mean 'number'?)
provider.name=gke,names=x
    names: unknown field 'names' (write \, for a comma that belongs to the value before it)
inferenceExtension.env[0].value=1
    inferenceExtension.env[0].value: wanted a text; true, false and numbers stand in quotes, got \
    the number 1 (--set-string makes a text of any value)
inferenceExtension.replicas
    'inferenceExtension.replicas' has no value (write name=value, and \, for a comma that belongs \
    to a value)
inferencePool.targetPorts[x].number=1
    no index of a list follows 'inferencePool.targetPorts' and [ (write name[0]=value, counting \
    from 0)
inferenceExtension..replicas=1
    a name is empty after 'inferenceExtension' (write path.to.value=value)
inferenceExtension.flags={a
    the list that { begins has no } (write name={first,second})
""".replace("\\\n    ", "").splitlines()[1:]
"""An assignment, and below it what is said of it."""


@pytest.mark.parametrize(
    ("text", "expected"), list(zip(MISTAKES[::2], MISTAKES[1::2], strict=True)), ids=MISTAKES[::2]
)
def test_an_assignment_that_cannot_be_is_named(text: str, expected: str, schema: Any) -> None:
    assert set_complaints([text], schema) == [f"--set {text}: {expected.strip()}"]


def test_an_empty_assignment_is_named(schema: Any) -> None:
    assert set_complaints([""], schema) == ["--set : assigns nothing (write path.to.value=value)"]


def test_each_assignment_with_a_mistake_is_named(schema: Any) -> None:
    named = set_complaints(["a=1", "provider.name=gke", "b.c=2"], schema, as_string=True)

    assert [text.partition(":")[0] for text in named] == ["--set-string a=1", "--set-string b.c=2"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_helm_accepts_we_accept(case: Path) -> None:
    _, chart, *words = shlex.split((case / "command").read_text(), comments=True)
    options = list(pairwise(words))
    schema = schema_of(folder("charts") / chart)

    check_values_files([case / text for option, text in options if option == "-f"], schema)
    check_assignments(
        [
            Assignment(text=text, as_string=option == "--set-string")
            for option, text in options
            if option.startswith("--set")
        ],
        schema,
    )


def test_a_chart_without_schema_accepts_everything(tmp_path: Path) -> None:
    schema = schema_of(tmp_path)
    (tmp_path / "v.yaml").write_text("anything: [goes]")

    check_values_files([tmp_path / "v.yaml"], schema)
    check_assignments([Assignment(text="a.b[3]=c")], schema)


@pytest.mark.parametrize("schema", ['{"$ref": "https://example.com/s.json"}', "true", "null"])
def test_the_schema_of_somebody_elses_chart_may_be_unusable(schema: str, tmp_path: Path) -> None:
    (tmp_path / "values.schema.json").write_text(schema)
    (tmp_path / "v.yaml").write_text("a: 1")

    check_values_files([tmp_path / "v.yaml"], schema_of(tmp_path))


def test_a_pattern_nobody_explains_explains_itself(write: Write) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_values_files([write("a: B")], {"properties": {"a": {"pattern": "^[a-z]$"}}})

    assert caught.value.detail.endswith("'B' does not fit (wanted: a text that matches ^[a-z]$)")


def test_thousands_of_mistakes_are_told_in_a_few_lines(write: Write, schema: Any) -> None:
    unknown = [f"x{number}" for number in range(3000)]
    text = ",".join(f"{name}={'9' * 500}" for name in unknown)
    with pytest.raises(InvalidInput) as of_file:
        check_values_files([write("".join(f"{name}: 1\n" for name in unknown))], schema)
    with pytest.raises(InvalidInput) as of_text:
        check_assignments([Assignment(text=text)], schema)

    for caught in (of_file, of_text):
        assert caught.value.message == "3000 mistakes in the input"
        assert caught.value.detail.endswith("\n... and 2900 more")
        assert len(caught.value.detail) < 100_000


def test_a_schema_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "values.schema.json").write_text("{")

    with pytest.raises(GaieError, match=r"values\.schema\.json is not JSON"):
        schema_of(tmp_path)


def test_a_large_values_file_is_checked_in_a_moment(write: Write, schema: Any) -> None:
    path = folder("charts") / "inferencepool" / "values.yaml"
    check_values_files([path], schema)  # imports

    took = []
    for _ in range(5):
        begin = time.process_time()
        check_values_files([path], schema_of(path.parent))
        took.append(time.process_time() - begin)
    assert min(took) < 0.04


def test_defaults_are_stated_where_editors_look(schema: Any) -> None:
    values = yaml.safe_load((folder("charts") / "inferencepool" / "values.yaml").read_text())

    replicas = schema["properties"]["inferenceExtension"]["properties"]["replicas"]
    assert replicas["default"] == values["inferenceExtension"]["replicas"]
    assert json.dumps(schema)
