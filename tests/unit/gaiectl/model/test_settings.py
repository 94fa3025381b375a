"""What users say arrives where it belongs."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from gaiectl.documents import Document
from gaiectl.model.catalog import SERVERS, server
from gaiectl.model.server import Adapter, Cache, Settings

GOOD = Settings(name="llm-model", namespace="serving")
WITH_WEIGHTS = ("gpu", "cpu", "sglang", "triton")
WITH_ACCELERATORS = ("gpu", "sglang", "triton")


def _deployment(kind: str, **said: Any) -> Document:
    documents = server(kind).documents(replace(GOOD, **said))
    return next(document for document in documents if document["kind"] == "Deployment")


def _container(kind: str, **said: Any) -> dict[str, Any]:
    containers = _deployment(kind, **said)["spec"]["template"]["spec"]["containers"]
    assert len(containers) == 1
    return dict(containers[0])


def _kinds(kind: str, **said: Any) -> list[str]:
    return [document["kind"] for document in server(kind).documents(replace(GOOD, **said))]


@pytest.mark.parametrize("kind", SERVERS)
def test_arguments_of_the_user_come_last_because_the_last_one_wins(kind: str) -> None:
    assert _container(kind, arguments=("--seed", "7"))["args"][-2:] == ["--seed", "7"]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_variable_of_the_user_replaces_ours_and_stands_once(kind: str) -> None:
    env = _container(kind, env={"HOME": "/elsewhere", "MORE": "1"})["env"]
    assert [entry["value"] for entry in env if entry["name"] == "HOME"] == ["/elsewhere"]
    assert env[-1] == {"name": "MORE", "value": "1"}


@pytest.mark.parametrize("kind", SERVERS)
def test_the_port_is_the_one_that_the_pods_serve(kind: str) -> None:
    container = _container(kind, port=9001)
    assert container["ports"][0]["containerPort"] == 9001
    assert any("9001" in argument for argument in container["args"])


@pytest.mark.parametrize("kind", SERVERS)
def test_the_selector_is_the_name_so_that_a_pool_can_find_the_pods(kind: str) -> None:
    spec = _deployment(kind)["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "llm-model"}}
    labels = spec["template"]["metadata"]["labels"]
    assert labels["app"] == "llm-model"
    assert labels["inference.networking.k8s.io/engine-type"] == server(kind).engine


@pytest.mark.parametrize("kind", SERVERS)
def test_the_time_to_start_is_the_startup_probes_budget(kind: str) -> None:
    deployment = _deployment(kind, startup_seconds=1200)
    probe = deployment["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1200
    assert deployment["spec"]["progressDeadlineSeconds"] > 1200


@pytest.mark.parametrize("kind", WITH_ACCELERATORS)
def test_accelerators_are_requested_limited_split_over_and_tolerated_alike(kind: str) -> None:
    said = {"accelerators": 4, "accelerator_resource": "amd.com/gpu"}
    container = _container(kind, **said)
    assert container["resources"]["requests"]["amd.com/gpu"] == "4"
    assert container["resources"]["limits"]["amd.com/gpu"] == "4"
    pod = _deployment(kind, **said)["spec"]["template"]["spec"]
    assert {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod[
        "tolerations"
    ]
    if kind != "triton":  # there the engine is built for a number
        assert "4" in " ".join(container["args"]).replace("=", " ").split()


@pytest.mark.parametrize("kind", WITH_ACCELERATORS)
def test_resources_of_the_user_keep_the_accelerators(kind: str) -> None:
    resources = _container(kind, resources={"requests": {"cpu": "8"}})["resources"]
    assert resources == {
        "requests": {"cpu": "8", "nvidia.com/gpu": "1"},
        "limits": {"nvidia.com/gpu": "1"},
    }


def test_resources_of_the_user_replace_the_kinds_own() -> None:
    assert _container("cpu", resources={"requests": {"cpu": "4"}})["resources"] == {
        "requests": {"cpu": "4"}
    }
    assert _container("cpu", resources={})["resources"] == {}


@pytest.mark.parametrize("kind", WITH_WEIGHTS)
def test_a_rollout_needs_no_room_for_a_further_pod(kind: str) -> None:
    assert _deployment(kind)["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_the_gated_default_model_needs_the_secret_and_other_models_may_use_it() -> None:
    def key(**said: Any) -> dict[str, Any]:
        env = {entry["name"]: entry for entry in _container("gpu", **said)["env"]}
        return dict(env["HF_TOKEN"]["valueFrom"]["secretKeyRef"])

    assert key() == {"name": "hf-token", "key": "token"}
    assert key(model="Qwen/Qwen3-8B") == {"name": "hf-token", "key": "token", "optional": True}
    assert key(model="Qwen/Qwen3-8B", token_secret="mine") == {"name": "mine", "key": "token"}


@pytest.mark.parametrize("kind", WITH_WEIGHTS)
def test_an_empty_secret_is_no_token(kind: str) -> None:
    said = {"token_secret": ""}
    assert "HF_TOKEN" not in [entry["name"] for entry in _container(kind, **said)["env"]]
    asked = server(kind).requirements(replace(GOOD, token_secret=""))
    assert not [requirement for requirement in asked if "Secret" in requirement.what]


def test_what_a_pod_refers_to_is_required_first() -> None:
    asked = server("gpu").requirements(replace(GOOD, cache=Cache(claim="weights")))
    assert [requirement.what for requirement in asked] == [
        "Secret hf-token in namespace serving holds a Hugging Face token under the key token",
        "PersistentVolumeClaim weights exists in namespace serving",
    ]
    made = Cache(claim="weights", create=True, size="50Gi")
    assert len(server("gpu").requirements(replace(GOOD, cache=made))) == 1
    assert server("sim").requirements(GOOD) == ()
    assert server("cpu").requirements(GOOD) == ()


def test_the_token_never_stands_on_a_command_line() -> None:
    command = server("gpu").requirements(GOOD)[0].commands[0]
    assert "--from-literal" not in command
    assert command == "gaiectl prereqs install hf-token -n serving"


def test_the_cache_is_an_empty_dir_a_claim_or_a_claim_that_is_made() -> None:
    def source(cache: Cache) -> dict[str, Any]:
        volumes = _deployment("gpu", cache=cache)["spec"]["template"]["spec"]["volumes"]
        return {key: value for key, value in volumes[0].items() if key != "name"}

    assert source(Cache()) == {"emptyDir": {}}
    assert source(Cache(size="20Gi")) == {"emptyDir": {"sizeLimit": "20Gi"}}
    assert source(Cache(claim="weights")) == {"persistentVolumeClaim": {"claimName": "weights"}}
    made = Cache(claim="weights", create=True, size="50Gi")
    assert "PersistentVolumeClaim" in _kinds("gpu", cache=made)
    assert "PersistentVolumeClaim" not in _kinds("gpu", cache=Cache(claim="weights"))


def test_a_vllm_without_adapters_has_no_sidecar_and_no_trace_of_them() -> None:
    said = {"adapters": ()}
    assert _kinds("gpu", **said) == ["Deployment"]
    pod = _deployment("gpu", **said)["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert "lora" not in str(pod).lower()


def test_another_model_does_not_get_the_default_models_adapters() -> None:
    assert "ConfigMap" in _kinds("gpu")
    assert "ConfigMap" not in _kinds("gpu", model="Qwen/Qwen3-8B")


def test_the_sidecar_reads_what_the_config_map_says() -> None:
    adapters = (Adapter(name="sql", source="owner/sql"),)
    documents = server("gpu").documents(replace(GOOD, adapters=adapters, port=9000))
    config_map = next(document for document in documents if document["kind"] == "ConfigMap")
    said = yaml.safe_load(config_map["data"]["configmap.yaml"])["vLLMLoRAConfig"]
    assert said["port"] == 9000
    assert said["ensureExist"] == {"models": [{"id": "sql", "source": "owner/sql"}]}
    pod = _deployment("gpu", adapters=adapters)["spec"]["template"]["spec"]
    sidecar = pod["initContainers"][0]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["volumeMounts"][0]["mountPath"] == "/config"
    assert sidecar["env"][0]["value"] == "/config/configmap.yaml"


@pytest.mark.parametrize("kind", ["sim", "builtin"])
def test_simulators_answer_for_the_adapter_that_upstreams_guide_asks_for(kind: str) -> None:
    args = _container(kind)["args"]
    assert '{"name": "food-review-1"}' in args
    assert "--lora-modules" not in _container(kind, adapters=())["args"]


def test_triton_serves_the_repository_on_the_claim_and_asks_for_it() -> None:
    volumes = _deployment("triton")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["persistentVolumeClaim"] == {"claimName": "llm-model-repository"}
    asked = server("triton").requirements(GOOD)
    assert any("llm-model-repository" in requirement.what for requirement in asked)
