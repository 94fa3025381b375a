"""Model servers that a precise EPP would not hear are told of before they serve."""

import json
from typing import Any

import pytest

from gaiectl.validation.epp_configs import check_epp_configs

OWN = "localhost/gaiectl/epp:0.1.0"
GO = "ghcr.io/llm-d/llm-d-inference-scheduler:v0.9.0"
TOPIC = "kv@$(POD_IP)@some/model"
GOOD = {"enable_kv_cache_events": True, "endpoint": "tcp://*:5556", "topic": TOPIC}
LABELS = {"app": "vllm"}


def config(**events: Any) -> str:
    """Return the configuration of an EPP that listens at port 5556."""
    heard = {"podDiscoveryConfig": {"socketPort": 5556}} | events
    blocks = {"blockSizeTokens": 64}
    plugin = {
        "type": "precise-prefix-cache-producer",
        "parameters": {"tokenProcessorConfig": blocks, "kvEventsConfig": heard},
    }
    head = {"apiVersion": "inference.networking.x-k8s.io/v1alpha1", "kind": "EndpointPickerConfig"}
    return json.dumps(head | {"plugins": [plugin]})


def notes(*arguments: str, image: str = OWN, text: str = "", **container: Any) -> list[str]:
    """Return what is told of servers with these arguments."""
    serving = {"name": "vllm", "args": [*arguments], **container}
    epp = {
        "name": "epp",
        "image": image,
        "args": ["--pool-name=llm", "--config-text", text or config()],
    }
    pods = {
        "vllm": {"metadata": {"labels": LABELS}, "spec": {"containers": [serving]}},
        "epp": {"spec": {"containers": [epp]}},
    }
    pool = {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": {"name": "llm", "namespace": "llm"},
        "spec": {"selector": {"matchLabels": LABELS}, "targetPorts": [{"number": 8000}]},
    }
    workloads = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "llm"},
            "spec": {"template": template},
        }
        for name, template in pods.items()
    ]
    return [note for note in check_epp_configs([pool, *workloads]) if "KV" in note or "its" in note]


def events(**changed: Any) -> str:
    return f"--kv-events-config={json.dumps(GOOD | changed)}"


@pytest.mark.parametrize(
    "arguments",
    [
        (events(),),
        ("--kv-events-config", json.dumps(GOOD), "--block-size=16"),
        ("--config=/vllm.yaml",),
        ("--zmq-endpoint=tcp://*:5556",),
        ("--kv-events-config={",),
    ],
)
def test_servers_that_are_heard_or_cannot_be_judged_get_no_note(arguments: tuple[str, ...]) -> None:
    assert notes(*arguments) == []


def test_a_script_is_not_looked_into() -> None:
    assert notes(command=["sh", "-c", f"exec vllm serve some/model {events(topic='x')}"]) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no argument makes it publish"),
        (("--kv-events-config={}",), "does not switch events on"),
        ((events(), "--kv-events-config={}"), "does not switch events on"),
        ((events(publisher="null"),), "does not switch events on"),
        ((events(topic="events@x"),), "'events@x', which does not begin with 'kv@'"),
        ((events(topic=""),), "'', which does not begin with 'kv@'"),
        ((events(endpoint="tcp://*:5557"),), "at port 5557, and 5556 is listened to"),
    ],
)
def test_servers_that_are_not_heard_are_told_of(arguments: tuple[str, ...], told: str) -> None:
    (note,) = notes(*arguments)
    assert note.startswith("Deployment.apps llm/vllm: ")
    assert told in note
    assert "precise-prefix-cache-producer of Deployment.apps llm/epp finds nothing" in note


def test_an_address_that_servers_connect_to_says_nothing_of_ports() -> None:
    text = config(zmqEndpoint="tcp://*:5558", topicFilter="")
    assert notes(events(endpoint="tcp://llm-epp:5558", topic="x"), text=text) == []


def test_the_size_of_blocks_matters_to_who_does_not_learn_it() -> None:
    (note,) = notes(events(), "--block-size=16", image=GO)
    assert "--block-size is 16, blockSizeTokens 64" in note
    assert notes(events(), "--block-size=64", image=GO) == []
