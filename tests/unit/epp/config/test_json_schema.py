import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from epp.config import schema

HERE = Path(__file__).parent
BETWEEN_FIELDS = {
    "discovery-by-a-scorer",
    "two-handlers",
    "two-pickers-in-a-profile",
    "two-pickers-in-the-default-profile",
    "two-profiles-for-a-single-handler",
    "two-profiles-without-handler",
    "twice",
}
"""Wrong in a way that concerns several fields, which a schema does not see."""

NOT_ONE_DOCUMENT = {"not-yaml", "tags", "two-documents"}

invalid = [p for p in sorted((HERE / "invalid").glob("*.yaml")) if p.stem not in NOT_ONE_DOCUMENT]


def is_accepted(path: Path) -> bool:
    return bool(Draft202012Validator(schema()).is_valid(yaml.safe_load(path.read_text())))


def test_the_schema_is_a_schema_with_descriptions_as_editors_show_them() -> None:
    Draft202012Validator.check_schema(schema())
    assert "``" not in json.dumps(schema())


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((HERE / "valid").iterdir()) if p.suffix == ".yaml"],
    ids=lambda path: path.stem,
)
def test_accepts_what_can_be_loaded(path: Path) -> None:
    errors = Draft202012Validator(schema()).iter_errors(yaml.safe_load(path.read_text()))

    assert [error.message for error in errors] == []


@pytest.mark.parametrize("path", invalid, ids=lambda path: path.stem)
def test_refuses_what_is_wrong_in_one_field(path: Path) -> None:
    assert is_accepted(path) == (path.stem in BETWEEN_FIELDS)


def test_says_what_each_parameter_is_for_and_what_it_may_be() -> None:
    entry: dict[str, Any] = schema()["properties"]["plugins"]["items"]
    rules = {rule["if"]["properties"]["type"]["const"]: rule["then"] for rule in entry["allOf"]}

    assert rules["max-score-picker"]["properties"]["parameters"]["properties"] == {
        "maxNumOfEndpoints": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "description": "How many endpoints to name, in fallback order.",
        }
    }
