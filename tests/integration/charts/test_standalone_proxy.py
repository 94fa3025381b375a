"""What the proxy's settings of the standalone chart do to its pod."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Objects = dict[tuple[str, str], dict[str, Any]]
Render = Callable[..., Objects]

FLAGS = (
    "endpointsServer.createInferencePool=false",
    "endpointsServer.endpointSelector=app=a",
)
AGENTGATEWAY = (*FLAGS, "sidecar.proxyType=agentgateway")


def words(settings: tuple[str, ...]) -> list[str]:
    return [word for each in settings for word in ("--set", f"inferenceExtension.{each}")]


@pytest.fixture(scope="module")
def render(run_helm: Any, helm4: Path) -> Render:
    def rendered(*settings: str) -> Objects:
        done = run_helm(helm4, ["template", "rel", "standalone", *words(settings)])
        assert done.returncode == 0, done.stderr
        objects = [found for found in yaml.safe_load_all(done.stdout) if found]
        return {(found["kind"], found["metadata"]["name"]): found for found in objects}

    return rendered


def pod(objects: Objects) -> dict[str, Any]:
    found: dict[str, Any] = objects["Deployment", "rel-epp"]["spec"]["template"]["spec"]
    return found


def proxy(objects: Objects) -> dict[str, Any]:
    found: dict[str, Any] = pod(objects)["containers"][0]
    return found


def test_proxy_and_epp_drain_for_as_long_as_each_other_and_less_than_the_grace(
    render: Render,
) -> None:
    spec = pod(render(*FLAGS, "sidecar.drainSeconds=45"))

    sleeps = [each["lifecycle"]["preStop"]["sleep"]["seconds"] for each in spec["containers"]]
    assert sleeps == [45, 45]
    assert spec["terminationGracePeriodSeconds"] > 45


def test_a_drain_of_no_seconds_is_no_drain(render: Render) -> None:
    spec = pod(render(*FLAGS, "sidecar.drainSeconds=0"))

    assert not any("lifecycle" in each for each in spec["containers"])


@pytest.mark.parametrize("proxy_type", ["envoy", "agentgateway"])
def test_the_proxy_mounts_its_files_by_whatever_name_they_have(
    render: Render, proxy_type: str
) -> None:
    for settings, name in (
        ((), proxy_type),
        (("sidecar.configMap.name=files-of-mine",), "files-of-mine"),
    ):
        objects = render(*FLAGS, f"sidecar.proxyType={proxy_type}", *settings)
        (mount,) = proxy(objects)["volumeMounts"]
        volumes = {each["name"]: each for each in pod(objects)["volumes"]}

        assert volumes[mount["name"]]["configMap"]["name"] == name
        assert objects["ConfigMap", name]["data"]


@pytest.mark.parametrize("place", ["sidecar.configMap.data", "sidecar.configMapData"])
def test_envoy_reads_the_users_configuration_in_place_of_ours(render: Render, place: str) -> None:
    objects = render(*FLAGS, rf"{place}.envoy\.yaml=mine")

    assert objects["ConfigMap", "envoy"]["data"] == {"envoy.yaml": "mine"}


@pytest.mark.parametrize(
    ("settings", "number", "name"),
    [
        (("port=80", "targetPort=8888"), 8888, "http-8888"),
        (("port=8000",), 8000, "http-8000"),
        (("port=8000", "targetPort=proxy"), 8000, "proxy"),
    ],
)
def test_envoy_listens_where_the_service_leads(
    render: Render, settings: tuple[str, ...], number: int, name: str
) -> None:
    ports = [f"extraServicePorts[0].{each}" for each in ("name=http", *settings)]
    objects = render(*FLAGS, *ports)
    config = yaml.safe_load(objects["ConfigMap", "envoy"]["data"]["envoy.yaml"])
    gateway = config["static_resources"]["listeners"][0]["address"]["socket_address"]

    assert {"name": name, "containerPort": number} in proxy(objects)["ports"]
    assert gateway["port_value"] == number


def test_a_probe_of_another_kind_replaces_that_of_the_proxy(render: Render) -> None:
    objects = render(*FLAGS, "sidecar.readinessProbe.tcpSocket.port=8081")
    probe = proxy(objects)["readinessProbe"]

    assert probe["tcpSocket"] == {"port": 8081}
    assert "httpGet" not in probe


def test_agentgateway_asks_the_epp_on_its_port_and_lists_the_servers_ports(
    render: Render,
) -> None:
    objects = render(
        *AGENTGATEWAY, "flags.grpc-port=9200", "endpointsServer.targetPorts={8000,8001}"
    )
    config = yaml.safe_load(objects["ConfigMap", "agentgateway"]["data"]["config.yaml"])
    (bind,) = config["binds"]
    (backend,) = bind["listeners"][0]["routes"][0]["backends"]

    assert bind["port"] == 8081
    assert backend["service"] == {"name": "default/a", "port": 8000}
    assert backend["policies"]["inferenceRouting"]["endpointPicker"] == {"host": "127.0.0.1:9200"}
    assert config["services"][0]["ports"] == {8000: 8000, 8001: 8001}


HTTP = "extraServicePorts[0]"
REFUSED = {
    (*AGENTGATEWAY, f"{HTTP}.name=http", f"{HTTP}.port=8000", f"{HTTP}.targetPort=8081"): (
        "inferenceExtension.extraServicePorts: agentgateway listens on the Service's port itself; "
        "write no targetPort for http, or 8000"
    ),
    (*FLAGS, "sidecar.drainSeconds=90", "terminationGracePeriodSeconds=60"): (
        "inferenceExtension.sidecar.drainSeconds: 90 seconds do not fit into the 60 of "
        "inferenceExtension.terminationGracePeriodSeconds; write fewer here or more there"
    ),
}


@pytest.mark.parametrize(("settings", "message"), REFUSED.items())
@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_what_the_proxy_cannot_do_is_refused(
    request: pytest.FixtureRequest,
    run_helm: Any,
    helm: str,
    settings: tuple[str, ...],
    message: str,
) -> None:
    done = run_helm(
        request.getfixturevalue(helm), ["template", "rel", "standalone", *words(settings)]
    )

    assert done.returncode != 0
    assert message in done.stderr
    assert not done.stdout
