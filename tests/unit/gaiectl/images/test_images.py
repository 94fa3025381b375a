"""Which images documents need, and what they are called in a mirror."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaiectl.errors import UsageError
from gaiectl.operations.images import images, in_registry, with_registry
from gaiectl.references import is_floating

SHA = "sha256:" + "a" * 64


def deployment(**pod: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm-epp", "namespace": "ns"},
        "spec": {"template": {"spec": pod}},
    }


def container(image: str, name: str = "main") -> dict[str, Any]:
    return {"name": name, "image": image}


def test_an_image_is_listed_once_with_everything_that_needs_it() -> None:
    documents = [
        deployment(
            initContainers=[{**container("alpine/git", "clone"), "restartPolicy": "Always"}],
            containers=[container("x.io/epp:v1"), container("x.io/epp:v1", "second")],
        ),
        {
            "kind": "CronJob",
            "apiVersion": "batch/v1",
            "metadata": {"name": "tidy", "namespace": "ns"},
            "spec": {"jobTemplate": {"spec": {"template": {"spec": {
                "containers": [container("alpine/git")]}}}}},
        },
    ]  # fmt: skip
    found = {
        image.reference: [f"{use.owner} {use.container}" for use in image.uses]
        for image in images(documents)
    }

    assert found == {
        "alpine/git": ["Deployment.apps ns/llm-epp clone", "CronJob.batch ns/tidy main"],
        "x.io/epp:v1": ["Deployment.apps ns/llm-epp main", "Deployment.apps ns/llm-epp second"],
    }


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "digest"),
    [
        ("busybox", "docker.io/library/busybox", "latest", ""),
        ("vllm/vllm-openai:v0.18.1", "docker.io/vllm/vllm-openai", "v0.18.1", ""),
        ("localhost/gaiectl/epp:0.1.0", "localhost/gaiectl/epp", "0.1.0", ""),
        ("host:5000/a/b", "host:5000/a/b", "latest", ""),
        (f"ghcr.io/llm-d/epp@{SHA}", "ghcr.io/llm-d/epp", "", SHA),
        (f"ghcr.io/llm-d/epp:v1@{SHA}", "ghcr.io/llm-d/epp", "v1", SHA),
    ],
)
def test_a_reference_is_read_as_container_engines_read_it(
    reference: str, repository: str, tag: str, digest: str
) -> None:
    (image,) = images([deployment(containers=[container(reference)])])

    assert (image.repository, image.tag, image.digest) == (repository, tag, digest)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("busybox", "mirror.example/library/busybox"),
        ("docker.io/busybox:1", "mirror.example/library/busybox:1"),
        ("alpine/git", "mirror.example/alpine/git"),
        ("localhost/gaiectl/epp:0.1.0", "mirror.example/gaiectl/epp:0.1.0"),
        (f"registry.k8s.io/a/epp:v1@{SHA}", f"mirror.example/a/epp:v1@{SHA}"),
    ],
)
def test_a_mirror_replaces_the_registry_and_keeps_the_rest(reference: str, expected: str) -> None:
    assert in_registry(reference, "mirror.example/") == expected


def test_a_mirror_reaches_every_container_and_nothing_else() -> None:
    data = {"image": "busybox", "config.yaml": "containers: [{name: a, image: busybox}]"}
    documents = [
        deployment(
            initContainers=[container("a/b", "sidecar")],
            containers=[container("busybox")],
            volumes=[{"name": "model", "image": {"reference": "a/model:1"}}, {"name": "tmp"}],
        ),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data},
    ]
    before = copy.deepcopy(documents)
    pod, config = with_registry(documents, "m.io:5000/x")
    spec = pod["spec"]["template"]["spec"]

    assert documents == before
    assert config == before[1]
    assert spec["initContainers"][0]["image"] == "m.io:5000/x/a/b"
    assert spec["containers"][0]["image"] == "m.io:5000/x/library/busybox"
    assert spec["volumes"][0]["image"]["reference"] == "m.io:5000/x/a/model:1"
    assert spec["volumes"][1] == {"name": "tmp"}


_name = st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True)


@given(
    registry=st.sampled_from(["", "docker.io/", "ghcr.io/", "localhost/", "h:5000/"]),
    path=st.lists(_name, min_size=1, max_size=3).map("/".join),
    rest=st.sampled_from(["", ":v1", f"@{SHA}", f":v1@{SHA}"]),
)
def test_an_image_that_is_in_the_mirror_stays_there(registry: str, path: str, rest: str) -> None:
    once = in_registry(f"{registry}{path}{rest}", "mirror.example")

    assert once.startswith("mirror.example/")
    assert once.endswith(f"{path}{rest}")
    assert in_registry(once, "mirror.example") == once


@pytest.mark.parametrize(
    "mirror", ["", "harbor", "https://m.io", "m.io/Upper", "m.io//x", "m io:1"]
)
def test_what_is_no_registry_is_refused(mirror: str) -> None:
    with pytest.raises(UsageError, match="is not a registry"):
        in_registry("busybox", mirror)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("vllm/vllm-openai", True),
        ("registry.example:5000/epp", True),
        ("ghcr.io/llm-d/llm-d:latest", True),
        ("ghcr.io/llm-d/llm-d-dev:pr-170", True),
        ("x.io/epp:main", True),
        ("cr.agentgateway.dev/agentgateway:latest-dev", True),
        (f"x.io/epp:main@{SHA}", False),
        (f"x.io/epp@{SHA}", False),
        ("x.io/epp:v0.3.1-rc.1", False),
        ("x.io/main:v1", False),
        ("x.io/epp:main-20260101-abcdef0", False),
    ],
)
def test_a_tag_that_is_moved_says_nothing_of_tomorrow(reference: str, *, expected: bool) -> None:
    assert is_floating(reference) is expected
