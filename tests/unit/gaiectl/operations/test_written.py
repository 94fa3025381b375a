"""What a cluster refuses is traced to what the user wrote, or not at all."""

from pathlib import Path
from typing import Any

from epp.reading.source import parse
from gaiectl.operations.kept_options import Inputs
from gaiectl.operations.written import say_where
from gaiectl.plan import Assignment
from gaiectl.validation.objections import Objected, Objection, value_at

FIELD = "spec.template.spec.containers[0].resources.requests.memory"
ORIGIN = "inferenceExtension.resources"
STACK = """\
apiVersion: gaiectl/v1
modelServer:
  resources:
    requests: {memory: 8Gi}
values:
  inferenceExtension:
    resources:
      limits: {memory: 1Gi}
"""


def told(inputs: Inputs, value: Any, *, field: str = FIELD, origin: str = ORIGIN) -> str:
    line = f"Deployment llm-epp: {field}: is wrong" + (f" (see {origin})" if origin else "")
    error = Objected("refused", hint="look", objections=[Objection(line, field, value, origin)])
    say_where(error, inputs)
    return error.detail


def test_a_value_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("inferenceExtension:\n  resources:\n    requests:\n      memory: 9Gi\n")

    line = told(Inputs(None, {}, [file]), "9Gi")

    assert line == (
        f"Deployment llm-epp: {FIELD}: is wrong "
        f"({file}:4:15: inferenceExtension.resources.requests.memory)"
    )


def test_values_and_fields_of_a_stack_are_told_with_their_lines() -> None:
    source = parse(STACK, "gaie.yaml")

    of_chart = told(Inputs(source, {}), "1Gi", field=FIELD.replace("requests", "limits"))
    of_server = told(Inputs(source, {}), "8Gi", origin="modelServer.resources")

    assert "(gaie.yaml:8:24: values.inferenceExtension.resources.limits.memory)" in of_chart
    assert "(gaie.yaml:4:24: modelServer.resources.requests.memory)" in of_server


def test_of_what_is_written_twice_the_one_that_counts_is_told(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("inferenceExtension:\n  resources:\n    requests:\n      memory: 9Gi\n")
    path = "inferenceExtension.resources.requests.memory"
    again = Inputs(None, {}, [file], [Assignment(f"{path}=9Gi", as_string=False)])

    assert f"(--set {path}=9Gi)" in told(again, "9Gi")


def test_an_option_is_told_by_its_name() -> None:
    image = "registry.example/epp:1"

    line = told(Inputs(None, {"epp": {"image": image}}), image, field="image", origin="")

    assert line.endswith(f"(--epp-image {image})")


def test_a_value_that_stands_in_several_places_is_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("a: {memory: 9Gi}\nb: {memory: 9Gi}\nport: 7\n")
    inputs = Inputs(None, {}, [file])

    for value, field in (("9Gi", FIELD), (7, "spec.replicas"), (None, FIELD), ({}, FIELD)):
        assert told(inputs, value, field=field, origin="") == (
            f"Deployment llm-epp: {field}: is wrong"
        )


def test_a_file_that_is_gone_or_no_yaml_costs_the_place_only(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")

    line = told(Inputs(None, {}, [broken, tmp_path / "gone.yaml"]), "9Gi")

    assert line.endswith(f"is wrong (see {ORIGIN})")


def test_fields_are_found_as_api_servers_write_them() -> None:
    containers = [{"name": "proxy"}, {"name": "epp", "image": "i:1"}]
    document = {"spec": {"containers": containers, "labels": {"a.b/c": "x"}}}

    assert value_at(document, 'spec.containers[name="epp"].image') == "i:1"
    assert value_at(document, ".spec.containers[1].image") == "i:1"
    assert value_at(document, "spec.labels[a.b/c]") == "x"
    assert value_at(document, "spec.containers[5].image") is None
    assert value_at(document, "spec.nothing[0].there") is None
