"""The plugins that look at responses."""

from typing import Any

import pytest

from epp.api.plugin import ResponseHead
from epp.api.request import Usage
from epp.config import ConfigError, load

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
USAGE = Usage(7, 10, 17, 3)


def reporter(expression: str, condition: str = "", namespace: str = "") -> Any:
    key = f"{{name: cost, namespace: '{namespace}'}}" if namespace else "{name: cost}"
    attribute = f"{{key: {key}, expression: '{expression}', condition: '{condition}'}}"
    config = load(
        f"{HEAD}plugins:\n- type: request-attribute-reporter\n"
        f"  parameters: {{attributes: [{attribute}]}}\n"
    )
    return next(i.plugin for i in config.instances if i.type == "request-attribute-reporter")


def problem(parameters: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(f"{HEAD}plugins:\n- type: request-attribute-reporter\n  parameters: {parameters}\n")
    (found,) = caught.value.problems
    assert found.line == 5
    return found.message


def test_the_number_is_reported_under_its_name() -> None:
    plugin = reporter("usage.prompt_tokens + usage.completion_tokens")

    assert plugin.report(None, USAGE) == {"envoy.lb": {"cost": 17}}


def test_another_namespace_and_the_cached_tokens() -> None:
    plugin = reporter("usage.prompt_tokens_details.cached_tokens", namespace="billing")

    assert plugin.report(None, USAGE) == {"billing": {"cost": 3}}


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("usage.total_tokens", "usage.total_tokens > 100"),
        ("usage.total_tokens", "usage.total_tokens"),
        ("usage.total_tokens", "usage.other > 1"),
        ("usage.other", "true"),
        ("0", ""),
        ("0.5", ""),
        ("true", ""),
        ("1e308 * 10.0", ""),
    ],
)
def test_nothing_is_reported_without_a_whole_number_or_if_the_condition_fails(
    expression: str, condition: str
) -> None:
    assert reporter(expression, condition).report(None, USAGE) == {}


def test_nothing_is_reported_without_token_counts() -> None:
    assert reporter("1").report(None, None) == {}


def test_mistakes_in_an_expression_are_problems_of_the_configuration() -> None:
    key = "key: {name: cost}"

    assert problem(f"{{attributes: [{{{key}, expression: 'usage.'}}]}}") == (
        "attributes[0].expression: character 7: the name of a field expected"
    )
    assert problem(f"{{attributes: [{{{key}, expression: '1', condition: 'x'}}]}}") == (
        "attributes[0].condition: character 1: no variable 'x'; there is usage"
    )
    assert problem("{attributes: []}") == "attributes has 0 entries, it takes exactly one"


def test_clients_are_shown_who_served() -> None:
    config = load(f"{HEAD}plugins: [{{type: destination-endpoint-served-verifier}}]")
    plugin: Any = config.instances[0].plugin
    name = "x-conformance-test-served-endpoint"

    told = plugin.responded(None, None, ResponseHead(200, {}, "10.0.0.1:8000"))
    untold = plugin.responded(None, None, ResponseHead(200, {}))

    assert list(told) == [(name, "10.0.0.1:8000")]
    assert [(key, value.startswith("fail: ")) for key, value in untold] == [(name, True)]
