"""The EPP gets the user's configuration with the endpoints of this stack."""

from pathlib import Path

import pytest
import yaml

from epp.config import load
from gaiectl.errors import GaieError
from gaiectl.local import epp_config

HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"


def test_the_built_in_configuration_is_used_when_none_is_given(tmp_path: Path) -> None:
    builtin = epp_config.read("", adapters=False)
    config = load(epp_config.with_endpoints(builtin, tmp_path / "e.yaml", source=""))

    assert [weight for _, weight in config.profiles["default"].scorers] == [2, 2, 3]
    assert config.discovery is not None
    assert config.discovery.name == "file-discovery"


def test_where_adapters_are_served_the_built_in_configuration_looks_at_them() -> None:
    config = load(epp_config.read("", adapters=True))

    assert [weight for _, weight in config.profiles["default"].scorers] == [2, 2, 3, 4]


def test_endpoints_are_added_and_all_else_stays(tmp_path: Path) -> None:
    before = HEAD + "plugins:\n- {type: queue-scorer, name: q}\n"
    after = epp_config.with_endpoints(before, tmp_path / "e.yaml", source="x")

    assert yaml.safe_load(after) == {
        **yaml.safe_load(before),
        "plugins": [
            {"type": "queue-scorer", "name": "q"},
            {
                "type": "file-discovery",
                "parameters": {"path": str(tmp_path / "e.yaml"), "watchFile": True},
            },
        ],
        "dataLayer": {"discovery": {"pluginRef": "file-discovery"}},
    }


def test_a_discovery_that_is_there_reads_the_stacks_file(tmp_path: Path) -> None:
    before = HEAD + "plugins:\n- {type: file-discovery, name: mine, parameters: {path: /x}}\n"
    after = yaml.safe_load(epp_config.with_endpoints(before, tmp_path / "e.yaml", source="x"))

    assert after["plugins"][0]["parameters"]["path"] == str(tmp_path / "e.yaml")
    assert after["dataLayer"]["discovery"] == {"pluginRef": "mine"}


def test_problems_are_shown_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "epp.yaml"
    file.write_text(HEAD + "plugins:\n- type: queue-scorrer\n- type: random-pickr\n")

    with pytest.raises(GaieError, match="has 2 problems") as caught:
        epp_config.read(str(file), adapters=True)
    assert f"{file}:4:" in caught.value.detail
    assert f"{file}:5:" in caught.value.detail


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(GaieError, match=r"/nowhere\.yaml cannot be read"):
        epp_config.read("/nowhere.yaml", adapters=True)
