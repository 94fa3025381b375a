"""Which images nodes neither have nor can pull."""

from typing import Any

import pytest

from gaiectl.operations.image_presence import LISTED_AT_MOST, Missing, local_cluster, missing
from gaiectl.validation.stream import Stream

OURS = "localhost/gaiectl/epp:1"


def node(name: str, *images: str, **spec: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"images": [{"names": [image]} for image in images]},
    }


def found(*nodes: dict[str, Any], image: str = OURS, policy: str = "", **pod: Any) -> list[Missing]:
    container = {"name": "epp", "image": image}
    if policy:
        container["imagePullPolicy"] = policy
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm-epp", "namespace": "ns"},
        "spec": {"template": {"spec": {"containers": [container], **pod}}},
    }
    return missing(list(nodes), Stream([deployment]).pods)


def test_an_image_of_no_registry_must_be_on_the_nodes() -> None:
    (lacking,) = found(node("a"), node("b", OURS))

    assert (lacking.image, lacking.have, lacking.lack) == (OURS, ("b",), ("a",))
    assert "node a cannot pull and does not have" in lacking.reason
    assert f"gaiectl image push {OURS} --to REGISTRY" in lacking.hint
    (of_kind,) = found(node("c", providerID="kind://docker/dev/c"))
    assert of_kind.hint == f"load it: gaiectl image load {OURS}"
    assert found(node("a", OURS), node("b", OURS)) == []


def test_what_a_registry_may_have_is_left_to_the_nodes() -> None:
    assert found(node("a"), image="registry.example/epp:1") == []
    assert found(node("a"), image="localhost:5000/epp:1") == []
    assert found(node("a"), image="busybox") == []


def test_what_is_never_pulled_must_be_there_in_whatever_way_it_is_written() -> None:
    assert found(node("a"), image="busybox", policy="Never")
    assert not found(node("a", "docker.io/library/busybox:latest"), image="busybox", policy="Never")
    digest = "@sha256:" + "a" * 64
    assert not found(
        node("a", f"ghcr.io/x/y{digest}"), image=f"ghcr.io/x/y:1{digest}", policy="Never"
    )


@pytest.mark.parametrize(
    ("image", "policy"), [(OURS, "Always"), ("localhost/gaiectl/epp:latest", "")]
)
def test_an_image_of_no_registry_that_is_always_pulled_never_starts(
    image: str, policy: str
) -> None:
    (lacking,) = found(node("a", image), image=image, policy=policy)

    assert not lacking.have
    assert not lacking.may_come
    assert "imagePullPolicy be IfNotPresent" in lacking.hint


def test_nodes_that_the_pod_cannot_run_on_do_not_count() -> None:
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    tolerated = {"key": taint["key"], "operator": "Exists"}
    others = (node("b", taints=[taint]), node("c", unschedulable=True))

    assert found(node("a", OURS), *others) == []
    (lacking,) = found(node("a", OURS), *others, tolerations=[tolerated])
    assert lacking.lack == ("b",)
    (elsewhere,) = found(node("a", OURS), node("d"), nodeSelector={"kubernetes.io/hostname": "d"})
    assert elsewhere.have == ()


def test_a_node_that_does_not_list_all_its_images_gets_the_benefit_of_the_doubt() -> None:
    many = [f"ghcr.io/x/y:{number}" for number in range(LISTED_AT_MOST)]

    assert found(node("a", *many)) == []


@pytest.mark.parametrize(
    "status", [{}, {"images": None}, {"images": [{"names": [7]}, {"names": 7}, 3, {}]}]
)
def test_nodes_may_say_anything(status: dict[str, Any]) -> None:
    assert found({"metadata": {"name": "a"}, "status": status})


@pytest.mark.parametrize(
    ("spec", "name", "labels", "cluster"),
    [
        ({"providerID": "kind://docker/dev/dev-worker"}, "dev-worker", {}, ("kind", "dev")),
        ({"providerID": "k3s://k3d-dev-server-0"}, "k3d-dev-server-0", {}, ("k3d", "dev")),
        ({}, "m", {"minikube.k8s.io/name": "minikube"}, ("minikube", "minikube")),
        ({"providerID": "aws:///eu/i-1"}, "ip-10-0-0-1", {}, ("", "")),
    ],
)
def test_a_node_tells_which_program_made_its_cluster(
    spec: dict[str, Any], name: str, labels: dict[str, str], cluster: tuple[str, str]
) -> None:
    assert local_cluster({"metadata": {"name": name, "labels": labels}, "spec": spec}) == cluster
