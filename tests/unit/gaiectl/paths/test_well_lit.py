"""The well-lit path's values, pitfall by pitfall (``tests/contracts/pitfalls.yaml``)."""

import json
import re
from typing import Any

import pytest
import yaml

from epp.kvcache.settings import KvEventsConfig
from gaiectl.cluster.connection import Access
from gaiectl.errors import UsageError
from gaiectl.operations.releasing import by_helm
from gaiectl.paths import inference_scheduling
from gaiectl.paths.request import Request
from gaiectl.paths.well_lit_names import LONGEST, Names, checked
from gaiectl.paths.well_lit_profiles import PROFILES
from gaiectl.plan import Plan
from gaiectl.providers.catalog import provider
from gaiectl.rendering import well_lit
from gaiectl.simulator.flags import parse_flags
from gaiectl.stack.load import load
from gaiectl.stack.model import ProviderName, Stack, WellLitProfile


def stack(**said: Any) -> Stack:
    return load(None, {"path": "inference-scheduling", **said})


def plan(**said: Any) -> Plan:
    return inference_scheduling.plan(Request(stack=stack(**said)))


def values(**said: Any) -> dict[str, Any]:
    wanted = stack(**said)
    return inference_scheduling.values(wanted, Names(wanted.name, wanted.namespace))


def test_two_deployments_have_no_name_and_no_label_of_pods_in_common() -> None:
    blue, green = values(name="blue"), values(name="green")
    assert "green" not in json.dumps(blue)
    assert json.dumps(blue).replace("blue", "green") == json.dumps(green)
    both = (blue, green)
    selectors = [one["gaie"]["inferencePool"]["modelServers"]["matchLabels"] for one in both]
    assert selectors == [one["ms"]["modelArtifacts"]["labels"] for one in both]
    assert selectors[0] != selectors[1]


def test_the_namespace_is_where_the_gateway_looks_for_the_picker() -> None:
    host = values(namespace="models")["infra"]["gateway"]["destinationRule"]["host"]
    assert host == "gaie-inference-scheduling-epp.models.svc.cluster.local"
    assert "default" not in host


@pytest.mark.parametrize("environment", inference_scheduling.ENVIRONMENTS)
def test_a_picker_has_one_destination_rule_behind_istio_and_none_elsewhere(
    environment: ProviderName,
) -> None:
    made = values(provider={"name": environment})
    rule = made.get("infra", {}).get("gateway", {}).get("destinationRule", {})
    assert bool(rule.get("enabled")) is (environment is ProviderName.ISTIO)
    assert made["gaie"]["provider"]["name"] != "istio"


def test_a_claim_is_made_if_asked_for_of_the_default_class_and_mounted() -> None:
    assert "volume" not in values()["ms"]["modelArtifacts"]
    made = values(modelServer={"cache": {"create": True}})["ms"]["modelArtifacts"]
    assert made["volume"]["name"] == "inference-scheduling-model-storage"
    assert "storageClassName" not in made["volume"]
    assert made["uri"].startswith("hf://")
    there = values(modelServer={"cache": {"claim": "weights"}})["ms"]["modelArtifacts"]
    assert there["volume"] == {"existingClaim": "weights"}


def test_pods_that_one_node_has_to_hold_are_told_and_a_class_without_a_claim_is_refused() -> None:
    made: dict[str, Any] = {"cache": {"create": True}}
    assert any("ReadWriteMany" in note for note in plan(modelServer=made).notes)
    for fine in (
        {"replicas": 1, **made},
        {"cache": {"create": True, "accessMode": "ReadWriteMany"}},
    ):
        assert not any("ReadWriteMany" in note for note in plan(modelServer=fine).notes)
    with pytest.raises(UsageError, match="storageClass"):
        plan(modelServer={"cache": {"storageClass": "fast"}})


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_logs_prompts_and_no_version_floats(profile: str) -> None:
    made = json.dumps(values(profile=profile))
    assert not re.search(r"DEBUG|VLLM_LOGGING_LEVEL|:latest|:main\b", made)
    assert all(re.search(r":v?\d+\.\d+", image) for image in well_lit.versions()["images"].values())


def test_a_picker_that_reads_kv_events_gets_all_that_it_needs() -> None:
    made = values(profile="precise")
    (serving,) = made["ms"]["decode"]["containers"]
    said = " ".join(serving["args"])
    for needed in ("--block-size=64", "--prefix-caching-hash-algo=", "--kv-events-config="):
        assert needed in said
    assert {"name": "PYTHONHASHSEED", "value": "42"} in serving["env"]
    config = json.dumps(made["gaie"]["inferenceExtension"]["pluginsCustomConfig"])
    assert "precise-prefix-cache-scorer" in config or "precise-prefix-cache" in config
    assert "blockSizeTokens: 64" in config  # of which Go EPPs make their keys
    # What it subscribes to; vLLM's own topic is empty.
    assert f'"topic":"{KvEventsConfig().topic_filter}$(POD_IP)@Qwen/Qwen3-0.6B"' in said
    assert "POD_IP" in [one["name"] for one in serving["env"]]


def test_kv_events_are_of_the_model_that_the_user_names() -> None:
    made = values(profile="precise", modelServer={"model": "my/own"})
    (serving,) = made["ms"]["decode"]["containers"]
    assert '@my/own"' in " ".join(serving["args"])


def test_our_simulator_tells_of_its_cache_as_the_profiles_servers_do() -> None:
    made = values(profile="precise", modelServer={"kind": "builtin", "arguments": ["--seed=1"]})
    (serving,) = made["ms"]["decode"]["containers"]
    settings = parse_flags(serving["args"], {})
    published = settings.kv_cache.published
    config = yaml.safe_load(made["gaie"]["inferenceExtension"]["pluginsCustomConfig"].popitem()[1])
    (precise,) = (one for one in config["plugins"] if one["type"].startswith("precise"))
    assert published is not None
    assert settings.kv_cache.block_size == 64
    assert published.endpoint.endswith(
        f":{precise['parameters']['kvEventsConfig']['podDiscoveryConfig']['socketPort']}"
    )
    assert published.topic == f"{KvEventsConfig().topic_filter}$(POD_IP)@Qwen/Qwen3-0.6B"
    assert settings.model.seed == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_our_simulator_takes_the_place_of_every_profiles_servers(profile: str) -> None:
    made = values(
        profile=profile, modelServer={"kind": "builtin", "arguments": ["--block-size=32"]}
    )
    (serving,) = made["ms"]["decode"]["containers"]
    assert parse_flags(serving["args"], {}).kv_cache.block_size == 32


def test_a_picker_reads_no_kv_events_where_servers_publish_none() -> None:
    chosen = {"profile": "precise", "modelServer": {"kind": "sim"}}
    config = json.dumps(values(**chosen)["gaie"]["inferenceExtension"]["pluginsCustomConfig"])
    assert "precise" not in config
    assert "prefix-cache-scorer" in config
    assert any("no events of their KV caches" in note for note in plan(**chosen).notes)
    assert not any("KV caches" in note for note in plan(profile="precise").notes)


@pytest.mark.parametrize("kind", ["gpu", "builtin"])
def test_another_port_of_the_model_servers_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"targetPorts: .* serve at port 8000"):
        plan(modelServer={"kind": kind, "targetPorts": [9000]})


@pytest.mark.parametrize("environment", inference_scheduling.ENVIRONMENTS)
def test_a_gateway_is_of_the_class_of_its_provider(environment: ProviderName) -> None:
    made = values(provider={"name": environment})
    if environment is ProviderName.NONE:
        assert "infra" not in made
    else:
        gateway = made["infra"]["gateway"]
        assert gateway["provider"] == environment
        assert gateway["gatewayClassName"] == provider(environment).gateway_class


def test_names_that_grow_too_long_are_refused_and_the_longest_one_fits() -> None:
    longest = checked("a" * LONGEST, "default")
    assert len(f"{longest.gateway}-istio") == 63
    with pytest.raises(UsageError, match="34 letters"):
        plan(name="a" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("said", "objection", "hint"),
    [
        ({"provider": {"name": "nginx"}}, "knows no gateway nginx", "istio, gke"),
        ({"profile": "turbo"}, "profile: 'turbo' is none of", "see --help"),
        ({"modelServer": {"kind": "none"}}, "brings its model servers", "inferencepool"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    said: dict[str, Any], objection: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=objection) as caught:
        plan(**said)
    assert hint in caught.value.hint


def test_several_charts_make_no_single_helm_release() -> None:
    with pytest.raises(UsageError, match="made of several charts"):
        by_helm(plan(), (), Any, Access())  # type: ignore[arg-type] # it is refused before


def test_every_profile_that_can_be_named_is_one() -> None:
    assert list(PROFILES) == list(WellLitProfile)
