"""Providers are found by the name that users write, and their Gateways by the name users chose."""

import pytest

from gaiectl.errors import GaieError, UsageError
from gaiectl.providers.catalog import PROVIDERS, provider
from gaiectl.providers.provider import Target

WITH_GATEWAY = [name for name, known in PROVIDERS.items() if known.gateway_class]


def _target(gateway: str = "inference-gateway") -> Target:
    return Target(name="llm", namespace="serving", gateway=gateway)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("istio", "istio"), ("GKE", "gke"), ("Gke", "gke"), ("", "none"), ("nginx", "nginx")],
)
def test_a_provider_is_found_by_what_users_write(written: str, meant: str) -> None:
    assert provider(written).name == meant


@pytest.mark.parametrize(
    ("written", "guess"),
    [("istoi", "did you mean istio? "), ("Istio", "did you mean istio? "), ("zzz", "")],
)
def test_an_unknown_provider_is_refused_with_a_guess_and_the_list(written: str, guess: str) -> None:
    with pytest.raises(UsageError) as refused:
        provider(written)
    assert refused.value.message == f"provider.name: there is no provider {written!r}"
    assert refused.value.hint == guess + (
        "choose one of none, istio, gke, kgateway, agentgateway, envoy-gateway, nginx"
    )


@pytest.mark.parametrize("name", WITH_GATEWAY)
def test_the_gateway_has_the_name_that_the_user_chose(name: str) -> None:
    gateways = [
        document
        for document in provider(name).objects(_target("shared"))
        if document["kind"] == "Gateway"
    ]
    assert [document["metadata"]["name"] for document in gateways] == ["shared"]


@pytest.mark.parametrize("name", WITH_GATEWAY)
@pytest.mark.parametrize("gateway", ["", "Gateway", "a.b", "-a", "a" * 64])
def test_a_gateway_name_that_makes_no_service_is_refused(name: str, gateway: str) -> None:
    with pytest.raises(GaieError, match=r"^provider\.gateway: ") as refused:
        provider(name).objects(_target(gateway))
    assert "use 1 to " in refused.value.hint


def test_istio_appends_its_class_to_the_gateways_name_for_the_service() -> None:
    assert provider("istio").objects(_target("a" * 57))
    with pytest.raises(GaieError) as refused:
        provider("istio").objects(_target("a" * 58))
    assert "1 to 57" in refused.value.hint


def test_a_stack_brings_no_gateway_class_which_is_the_whole_clusters() -> None:
    made = provider("envoy-gateway").objects(_target())
    assert [one["kind"] for one in made] == ["Gateway"]


def test_istio_is_told_of_which_type_the_gateways_service_is() -> None:
    (gateway,) = provider("istio").objects(_target()._replace(service="ClusterIP"))
    assert gateway["metadata"]["annotations"] == {"networking.istio.io/service-type": "ClusterIP"}


@pytest.mark.parametrize("name", ["gke", "nginx"])
def test_a_type_of_service_that_nobody_would_hear_of_is_refused(name: str) -> None:
    with pytest.raises(GaieError, match=r"^provider\.gatewayService: ") as refused:
        provider(name).objects(_target()._replace(service="ClusterIP"))
    assert "leave it out" in refused.value.hint


def test_envoy_gateway_is_told_of_which_type_the_gateways_service_is() -> None:
    target = _target()._replace(service="NodePort")
    proxy, gateway = provider("envoy-gateway").objects(target)
    told = gateway["spec"]["infrastructure"]["parametersRef"]
    assert told == {
        "group": "gateway.envoyproxy.io",
        "kind": proxy["kind"],
        "name": proxy["metadata"]["name"],
    }
    assert proxy["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    made = proxy["spec"]["provider"]["kubernetes"]
    assert made == {"envoyService": {"type": "NodePort"}}
