"""A rendered EndpointPickerConfig is refused before an EPP would crash on it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaiectl.errors import GaieError
from gaiectl.validation.epp_configs import Implementation, check_epp_configs

OWN = "localhost/gaiectl/epp:0.1.0"
GO = "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"
MIRRORED = "registry.example.com/picker:1"
HEAD = "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n"
GOOD = f"{HEAD}plugins:\n- type: queue-scorer\n"
FOR_GO = f"{HEAD}plugins:\n- type: house-scorer\n"
"""A type that somebody built into a Go EPP of theirs."""


def stack(
    text: Any, image: str = OWN, *, file: str = "/config/plugins.yaml", **volume: Any
) -> list[dict[str, Any]]:
    """Return an EPP whose ConfigMap ``llm-epp`` holds the text as plugins.yaml."""
    metadata = {"name": "llm-epp", "namespace": "llm"}
    container = {
        "name": "epp",
        "image": image,
        "args": ["--pool-name=llm", f"--config-file={file}"],
        "volumeMounts": [{"name": "config", "mountPath": "/config"}],
    }
    volumes = [{"name": "config", "configMap": {"name": "llm-epp", **volume}}]
    template = {"spec": {"containers": [container], "volumes": volumes}}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"plugins.yaml": text},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": template},
        },
    ]


def refused(documents: list[dict[str, Any]], implementation: Implementation = "auto") -> list[str]:
    with pytest.raises(GaieError) as caught:
        check_epp_configs(documents, implementation)
    return caught.value.detail.splitlines()


def test_a_good_configuration_passes_without_a_note() -> None:
    assert check_epp_configs(stack(GOOD)) == []


def test_a_problem_is_told_with_config_map_key_and_line() -> None:
    (line,) = refused(stack(f"{HEAD}plugins:\n- type: queue-scorerr\n"))

    assert line.startswith("ConfigMap llm/llm-epp, plugins.yaml:4:9: plugins[0].type: unknown")
    assert "did you mean 'queue-scorer'?" in line


def test_a_warning_is_a_note() -> None:
    unused = f"{GOOD}schedulingProfiles:\n- name: default\n  plugins: []\n"

    (note,) = check_epp_configs(stack(unused))

    assert note.startswith("ConfigMap llm/llm-epp, plugins.yaml:4:")


def test_a_missing_file_names_those_that_are_there() -> None:
    assert refused(stack(GOOD, file="/config/other.yaml")) == [
        (
            "Deployment.apps llm/llm-epp: container epp: --config-file is /config/other.yaml, "
            "but ConfigMap llm-epp holds plugins.yaml"
        )
    ]


def test_a_file_from_elsewhere_is_a_note() -> None:
    (note,) = check_epp_configs(stack("", file="/etc/epp.yaml"))

    assert note.endswith(
        "--config-file /etc/epp.yaml is in no rendered ConfigMap, so it is not checked"
    )


def test_items_of_a_volume_rename_a_key() -> None:
    items = [{"key": "plugins.yaml", "path": "mine.yaml"}]
    broken = stack("kind: x", file="/config/mine.yaml", items=items)

    assert refused(broken)[0].startswith("ConfigMap llm/llm-epp, plugins.yaml:1:")


def test_text_on_the_command_line_is_checked_too() -> None:
    documents = stack(GOOD)
    container = documents[1]["spec"]["template"]["spec"]["containers"][0]
    container["args"].append("--config-text=kind: x")

    assert refused(documents)[0].startswith("--config-text of Deployment.apps llm/llm-epp:1:")


@pytest.mark.parametrize("image", [OWN, "mirror.example.com:5000/gaiectl/epp@sha256:0"])
def test_our_own_image_is_held_to_our_own_rules(image: str) -> None:
    assert "unknown plugin type 'house-scorer'" in "".join(refused(stack(FOR_GO, image)))


@pytest.mark.parametrize(
    "image",
    [
        *(GO, "ghcr.io/llm-d/llm-d-inference-scheduler:v0.5.0"),
        "mirror.example.com/gateway-api-inference-extension/epp",
    ],
)
def test_an_image_of_the_go_epp_is_held_to_its_rules(image: str) -> None:
    assert len(check_epp_configs(stack(FOR_GO, image))) == 1


def test_what_only_the_go_epp_can_use_is_a_note_when_the_image_could_be_either() -> None:
    first, second = check_epp_configs(stack(FOR_GO, MIRRORED))

    assert first == (
        "ConfigMap llm/llm-epp, plugins.yaml: only an EPP in Go can use this; is the image one?"
    )
    assert "no EPP we know has the type 'house-scorer'" in second


def test_what_no_epp_can_use_is_refused_whatever_the_image() -> None:
    assert refused(stack("kind: x", MIRRORED))


def test_a_stated_implementation_beats_the_image() -> None:
    assert len(check_epp_configs(stack(FOR_GO, MIRRORED), "go")) == 1
    assert refused(stack(FOR_GO, GO), "python")


def test_a_plugin_of_no_known_go_epp_is_a_note() -> None:
    (note,) = check_epp_configs(stack(f"{HEAD}plugins:\n- type: queu-scorer\n", GO))

    assert note.startswith("ConfigMap llm/llm-epp, plugins.yaml:4:9: plugins[0].type: unknown")
    assert "did you mean 'queue-scorer'?" in note


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apiVersion: v1\nkind: EndpointPickerConfig\n", ":1:13: apiVersion: 'v1' is not"),
        (HEAD.replace("PickerC", "C"), ":2:7: kind: 'EndpointConfig' is not"),
        ("[1]", "must be an object, not a list"),
        ("a: [", "not valid YAML"),
        (f"{HEAD}kind: x\n", "first in line 2"),
    ],
)
def test_the_go_epp_refuses_what_it_cannot_decode(text: str, expected: str) -> None:
    assert any(expected in line for line in refused(stack(text, GO)))


@pytest.mark.parametrize("image", [OWN, GO])
def test_merge_keys_are_read_as_by_all_of_kubernetes(image: str) -> None:
    merged = f"{HEAD}plugins:\n- &queue {{type: queue-scorer}}\n- {{<<: *queue, name: other}}\n"

    assert check_epp_configs(stack(merged, image)) == []


def test_the_tag_of_an_image_tells_the_release() -> None:
    text = f"{HEAD}plugins:\n- type: token-load-scorer\n"

    (line,) = refused(stack(text, GO.replace("v1.5.0", "v1.3.1")))
    assert "GAIE 1.3 has no plugin type 'token-load-scorer'" in line
    assert check_epp_configs(stack(text, GO)) == []


def test_an_empty_configuration_stands_for_the_default() -> None:
    assert check_epp_configs(stack("", GO)) == []
    assert check_epp_configs(stack("")) == []


@given(
    text=st.text(max_size=60) | st.none() | st.integers(),
    image=st.sampled_from([OWN, GO, MIRRORED]),
)
@settings(max_examples=200, deadline=None)
def test_no_text_crashes_the_check(text: Any, image: str) -> None:
    try:
        check_epp_configs(stack(text, image))
    except GaieError as error:
        refusal = error
    else:
        return

    assert refusal.detail.splitlines()
