"""What is shown of a configuration holds every parameter and no secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from epp.config import load
from epp.server.debug_config import HIDDEN, config_json, parameters_json


@dataclass(frozen=True, slots=True)
class Model:
    """A nested part."""

    api_key: str = "k"
    max_tokens: int = 3


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin with all kinds of parameters."""

    url: str = "http://x"
    token: str = "t"
    hf_token: str = ""
    block_size_tokens: str = "16"
    tokenizer: str = "path"
    models: tuple[Model, ...] = (Model(),)
    headers: Mapping[str, str] = field(default_factory=lambda: {"client-secret": "s", "a": "b"})
    memory: dict[str, str] = field(init=False, default_factory=dict)


def test_secrets_are_hidden_by_their_names() -> None:
    assert parameters_json(Plugin()) == {
        "url": "http://x",
        "token": HIDDEN,
        "hfToken": "",
        "blockSizeTokens": "16",
        "tokenizer": "path",
        "models": [{"apiKey": HIDDEN, "maxTokens": 3}],
        "headers": {"client-secret": HIDDEN, "a": "b"},
    }


def test_what_is_no_dataclass_has_no_parameters() -> None:
    assert parameters_json(object()) == {}


def test_the_limits_of_flow_control_in_force_are_shown_with_the_policies_there_by_default() -> None:
    shown = config_json(
        load("""
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins: [{name: turns, type: round-robin-fairness-policy}]
flowControl:
  maxBytes: 10k
  defaultRequestTTL: 2s
  priorityBands: [{priority: -1}, {priority: 3, maxBytes: 4000, fairnessPolicyRef: turns}]
""")
    )

    flow = shown["flowControl"]
    assert (flow["maxBytes"], flow["requestTTLSeconds"]) == (10_000, 2.0)
    assert [band["priority"] for band in flow["bands"]] == [3, -1]
    assert flow["bands"][0] == {
        "priority": 3,
        "fairness": "turns",
        "ordering": "fcfs-ordering-policy",
        "maxBytes": 4000,
        "maxRequests": 0,
    }
    assert shown["saturationDetector"] == "utilization-detector"
    assert config_json(load(""))["flowControl"] is None
