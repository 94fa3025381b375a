"""What holds for every object of every case, read from the expectations beside this file."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaiectl.documents import CLUSTER_SCOPED, Document, load

CASES = sorted(Path(__file__).parent.glob("*/documents.yaml"))
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "LeaderWorkerSet"}
ASKS_FOR_MORE = "modelservice-wide"
"""The case whose user asks for root and the node's devices."""

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
RESTRICTED_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
    *("image", "projected", "secret"),
}


@pytest.fixture(params=CASES, ids=lambda path: path.parent.name)
def documents(request: pytest.FixtureRequest) -> list[Document]:
    return read(request.param)


@cache
def read(path: Path) -> list[Document]:
    return load(path.read_text())


def pods(documents: list[Document]) -> Iterator[tuple[Document, Any]]:
    for document in documents:
        if document["kind"] in WORKLOADS:
            spec = document["spec"]
            yield document, spec.get("template") or spec["leaderWorkerTemplate"]["workerTemplate"]


def containers(pod: Any) -> list[Any]:
    return [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]


def test_every_pod_satisfies_pod_security_restricted(
    documents: list[Document], request: pytest.FixtureRequest
) -> None:
    if ASKS_FOR_MORE in request.node.name:
        return
    for _, pod in pods(documents):
        spec = pod["spec"]
        assert not any(spec.get(host) for host in ("hostNetwork", "hostPID", "hostIPC"))
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES, volume
        for container in containers(pod):
            context = {**spec.get("securityContext", {}), **container["securityContext"]}
            where = container["name"]
            assert context["runAsNonRoot"] is True, where
            assert context.get("runAsUser") != 0, where
            assert context["seccompProfile"]["type"] in {"RuntimeDefault", "Localhost"}, where
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, where
            assert container["securityContext"]["capabilities"]["drop"] == ["ALL"], where
            assert not container["securityContext"].get("privileged"), where
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, where
            assert all("hostPort" not in port for port in container.get("ports", [])), where


def test_every_object_says_whose_it_is(documents: list[Document]) -> None:
    for document in documents:
        metadata = document["metadata"]
        who = f"{document['kind']} {metadata['name']}"
        assert ("namespace" in metadata) is (document["kind"] not in CLUSTER_SCOPED), who
        labels = metadata["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm", who
        assert {"name", "instance"} <= {key.removeprefix("app.kubernetes.io/") for key in labels}
        assert labels["app.kubernetes.io/version"] == "0.1.0" or "jaeger" in metadata["name"], who
        assert re.fullmatch(r"[a-z]+-0\.1\.0", labels["helm.sh/chart"]), who


def test_names_and_labels_keep_to_their_limits(documents: list[Document]) -> None:
    for document in documents:
        name = document["metadata"]["name"]
        if document["kind"] == "Service":
            assert DNS_LABEL.fullmatch(name), name
        elif document["apiVersion"].startswith("rbac."):
            assert len(name) <= 253
            assert not set(name) & set("/% "), name
        else:
            assert DNS_NAME.fullmatch(name), name
    for labels in maps_named(documents, {"labels", "matchLabels"}):
        for key, value in labels.items():
            assert isinstance(value, str), (key, value)
            assert LABEL_VALUE.fullmatch(value), (key, value)
    for annotations in maps_named(documents, {"annotations"}):
        assert all(isinstance(value, str) for value in annotations.values()), annotations


def maps_named(node: Any, names: set[str]) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in names and isinstance(value, dict):
                yield value
            yield from maps_named(value, names)
    elif isinstance(node, list):
        for item in node:
            yield from maps_named(item, names)


def test_nothing_is_null_and_nothing_is_a_printed_go_value(documents: list[Document]) -> None:
    text = yaml.safe_dump(documents)
    assert not re.search(
        r"map\[|<nil>|%!|\{\{|[0-9]e\+[0-9]|<no value>", text.replace("{{ .Re", "")
    )

    def nulls(node: Any, path: str) -> Iterator[str]:
        if node is None:
            yield path
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from nulls(value, f"{path}.{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from nulls(value, f"{path}[{index}]")

    assert not list(nulls(documents, ""))


def test_references_lead_to_objects_of_the_release(documents: list[Document]) -> None:
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for workload, pod in pods(documents):
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        assert len(volumes) == len(spec.get("volumes", [])), "volume names are unique"
        mounted = {m["name"] for each in containers(pod) for m in each.get("volumeMounts", [])}
        assert mounted <= volumes
        for volume in spec.get("volumes", []):
            if "configMap" in volume and "helper" not in volume["configMap"]["name"]:
                assert ("ConfigMap", volume["configMap"]["name"]) in there, volume
        for container in containers(pod):
            for origin in container.get("envFrom", []):
                assert ("ConfigMap", origin["configMapRef"]["name"]) in there
            ports = [port.get("name") for port in container.get("ports", [])]
            assert len(set(ports)) == len(ports), ports
        if "serviceAccountName" in spec and "helper" not in spec["serviceAccountName"]:
            assert ("ServiceAccount", spec["serviceAccountName"]) in there
        if "selector" in workload["spec"]:
            wanted = workload["spec"]["selector"]["matchLabels"].items()
            assert wanted <= pod["metadata"]["labels"].items()
        numbers = Counter(
            port["containerPort"] for each in containers(pod) for port in each.get("ports", [])
        )
        assert max(numbers.values()) == 1, f"two containers of a pod listen on one port: {numbers}"


def test_every_service_selects_pods_that_listen_on_its_ports(documents: list[Document]) -> None:
    for service in (each for each in documents if each["kind"] == "Service"):
        selector = service["spec"]["selector"].items()
        chosen = [
            pod for _, pod in pods(documents) if selector <= pod["metadata"]["labels"].items()
        ]
        assert len(chosen) == 1, service["metadata"]["name"]
        ports = [port for each in containers(chosen[0]) for port in each.get("ports", [])]
        named = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
        for port in service["spec"]["ports"]:
            assert port.get("targetPort", port["port"]) in named, port
        assert len({port["name"] for port in service["spec"]["ports"]}) == len(
            service["spec"]["ports"]
        )


def test_only_pods_that_ask_kubernetes_get_a_token(documents: list[Document]) -> None:
    accounts = {
        each["metadata"]["name"]: each for each in documents if each["kind"] == "ServiceAccount"
    }
    bound = {
        subject["name"]
        for each in documents
        if each["kind"].endswith("RoleBinding")
        for subject in each["subjects"]
    }
    for _, pod in pods(documents):
        account = pod["spec"].get("serviceAccountName", "default")
        automatic = pod["spec"].get(
            "automountServiceAccountToken",
            accounts.get(account, {}).get("automountServiceAccountToken", True),
        )
        readers = [each["name"] for each in containers(pod) if automatic or mounts_token(pod, each)]
        assert bool(readers) is (account in bound), account
        assert "envoy-sidecar" not in readers
        assert "agentgateway-sidecar" not in readers


def mounts_token(pod: Any, container: Any) -> bool:
    mounted = {each["name"] for each in container.get("volumeMounts", [])}
    return any(
        "serviceAccountToken" in source
        for volume in pod["spec"].get("volumes", [])
        if volume["name"] in mounted
        for source in volume.get("projected", {}).get("sources", [])
    )


def test_a_change_of_the_configuration_changes_the_pod(documents: list[Document]) -> None:
    for deployment, pod in pods(documents):
        if any("configMap" in volume for volume in pod["spec"].get("volumes", [])):
            annotations = pod["metadata"]["annotations"]
            sums = {key: value for key, value in annotations.items() if "checksum/" in key}
            assert sums, deployment["metadata"]["name"]
            assert all(re.fullmatch(r"[0-9a-f]{16,64}", value) for value in sums.values())
