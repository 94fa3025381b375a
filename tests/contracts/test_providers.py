"""What every provider keeps to."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from gaiectl import documents, providers
from gaiectl.documents import CLUSTER_SCOPED
from gaiectl.providers import istio
from gaiectl.providers.catalog import PROVIDERS
from gaiectl.providers.gateway import GATEWAY_API
from gaiectl.providers.provider import Provider, Target
from gaiectl.validation.objects import check_objects

FOREIGN = Path(__file__).parents[2] / ".ci/generate/foreign.toml"
NOT_PROVIDERS = {"__init__", "catalog", "envoy_gateway_settings", "gateway", "provider"}
OWNED_BY_CHARTS = {"HTTPRoute", "DestinationRule", "HealthCheckPolicy", "GCPBackendPolicy"}


def target(stack: str, *, gateway: str) -> Target:
    return Target(
        name=stack,
        namespace="serving",
        gateway=gateway,
    )


def test_every_module_of_a_provider_is_in_the_catalog() -> None:
    folder = Path(providers.__path__[0])
    modules = {path.stem for path in folder.glob("*.py")} - NOT_PROVIDERS
    found = {import_module(f"gaiectl.providers.{name}").PROVIDER.name for name in modules}
    assert found == set(PROVIDERS)


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_every_object_has_its_namespace_and_our_labels(known: Provider) -> None:
    for document in known.objects(target("llm", gateway="shared")):
        metadata = document["metadata"]
        assert "app.kubernetes.io/name" in metadata["labels"]
        if document["kind"] in CLUSTER_SCOPED:
            assert "namespace" not in metadata
        else:
            assert metadata["namespace"] == "serving"
            assert metadata["labels"]["app.kubernetes.io/part-of"] == "llm"


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_every_object_is_one_that_the_gateway_api_knows(known: Provider) -> None:
    assert check_objects(known.objects(target("llm", gateway="shared"))) == []


def test_objects_are_checked_as_the_releases_would_that_providers_ask_for() -> None:
    listed = tomllib.loads(FOREIGN.read_text())
    versions = {module["path"]: module["version"] for module in listed["module"]}

    assert versions["sigs.k8s.io/gateway-api"] == GATEWAY_API
    assert versions["istio.io/api"] == f"v{istio.VERSION}"


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_no_provider_makes_what_a_chart_makes(known: Provider) -> None:
    kinds = {document["kind"] for document in known.objects(target("llm", gateway="shared"))}
    assert not kinds & OWNED_BY_CHARTS


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_a_gateway_takes_plain_http_on_port_80_for_its_class(known: Provider) -> None:
    made = known.objects(target("llm", gateway="shared"))
    gateways = [document["spec"] for document in made if document["kind"] == "Gateway"]
    expected = {
        "gatewayClassName": known.gateway_class,
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
    }
    assert gateways == ([expected] if known.gateway_class else [])


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_stacks_with_gateways_of_their_own_share_no_object_of_a_namespace(known: Provider) -> None:
    both = [
        document
        for stack in ("one", "two")
        for document in known.objects(target(stack, gateway=f"{stack}-gateway"))
        if document["kind"] not in CLUSTER_SCOPED
    ]
    documents.refuse_twins(both)


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_equal_targets_give_equal_bytes(known: Provider) -> None:
    first, second = (
        documents.dump(known.objects(target("llm", gateway="shared"))) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("known", PROVIDERS.values(), ids=PROVIDERS)
def test_what_must_be_there_first_comes_with_commands_to_paste(known: Provider) -> None:
    assert bool(known.requirements) == bool(known.gateway_class)
    for requirement in known.requirements:
        assert requirement.commands
        for command in requirement.commands:
            assert "\n" not in command
            assert not re.search(r"[<>]", command)
            if command.startswith("helm ") and known.name != "nginx":  # upstream pins none
                assert re.search(r" --version v[0-9.]+( |$)", command)
